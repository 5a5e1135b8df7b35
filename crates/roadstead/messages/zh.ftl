# 命令行的语句。

# 行首标签。
cli-error-more = ……还有 { $count } 项；用 --json 可看到全部
cli-label-error = 错误：
cli-label-warning = 警告：
cli-label-note = 提示：
cli-label-cure = 对策：
cli-label-during = 当时正在：
cli-label-cause = 原因：
cli-findings-summary = { $errors } 个错误，{ $warnings } 个警告，{ $notes } 个提示

# 帮助。
cli-help-usage = 用法：
cli-help-usage-options = [选项]
cli-help-commands = 命令
cli-help-command = 命令
cli-help-arguments = 参数
cli-help-options = 选项
cli-help-global = 全局选项
cli-help-after = 退出码：0 完成，1 答案为否，2 输入有误，3 部分完成，129 和 130 被中断。
cli-about = 一个文件管理数据库：启动、看护、备份，且每份备份都经证实
cli-about-init = 写出第一份舰队文件、编辑器用的 Schema 和备份库密钥
cli-about-check = 检查舰队文件：一次列出全部错误，并给出位置和对策
cli-about-explain = 列出每个默认值和推导出的设置及其理由
cli-about-schema = 输出舰队文件的 JSON Schema
cli-about-plan = 显示要使舰队与声明一致需做哪些事
cli-about-apply = 执行已保存的计划，或立即计划并执行
cli-about-up = 在需要处启动代理，并使一切与声明一致
cli-about-down = 停止各成员和代理；数据保留
cli-about-status = 显示每个成员：状态、角色、版本、端点、最近一次已证实的备份
cli-about-backup = 取一组快照
cli-about-backups = 列出快照：证实到哪一步，比较了什么
cli-about-verify = 证实快照：逐个恢复到临时服务器并比较
cli-about-restore = 恢复快照：原地、旁边，或恢复到空服务器
cli-about-journal = 列出各次操作，或显示其中一次
cli-about-resume = 从当前实际状态继续被中断的操作
cli-about-secret = 把标准输入的值加密，供舰队文件使用
cli-about-secret-new = 写一个含随机机密的新文件，仅所有者可读
cli-about-vault = 创建、检查和清理备份库
cli-about-vault-init = 创建舰队文件中声明的备份库
cli-about-vault-check = 检查备份库结构：索引、数据包、记录
cli-about-vault-prune = 删除快照以及其他快照都不需要的数据
cli-about-demo = 在本机一分钟内演示全过程，不留痕迹
cli-about-completion = 输出 shell 补全脚本
cli-about-man = 输出手册页
cli-about-agent = 作为本主机的代理运行
cli-option-file = 舰队文件；- 表示标准输入 [默认：fleet.yaml]
cli-option-json = 以一份 JSON 文档回答
cli-option-lang = 回答所用语言：en 或 zh [默认：取自 LC_ALL、LC_MESSAGES、LANG]
cli-option-color = 何时着色：auto、always 或 never；遵从 NO_COLOR [默认：auto]
cli-option-yes = 不询问直接继续；会丢失数据的须写出名称：--yes=名称,…
cli-option-verbose = 向标准错误输出跟踪信息；重复则更详细
cli-option-help = 输出帮助
cli-option-version = 输出版本
cli-option-dry-run = 只显示计划，什么也不做
cli-option-man-out = 把所有页面写入该文件夹
cli-arg-clusters = 仅限这些集群
cli-arg-shell = bash、elvish、fish、powershell 或 zsh
cli-arg-man-command = 该命令的页面
cli-arg-secret-path = 要写的文件

# 命令行错误。
cli-usage-unknown = 未知参数 { $argument }
cli-usage-command = 未知命令 { $command }
cli-usage-missing = 缺少参数 { $argument }
cli-usage-no-command = 没有给出命令
cli-usage-conflict = { $argument } 不能与 { $other } 同时给出
cli-usage-value = { $argument } 不接受值“{ $value }”
cli-usage-equals = { $argument } 的值要写在等号之后
cli-usage-count = 给 { $argument } 的值的个数不对
cli-usage-other = 命令行有误：{ $what }
cli-usage-suggestion = 是不是想写 { $suggestion }？
cli-usage-one-of = 可取值：{ $values }
cli-usage-help = `roadstead --help` 列出命令和选项

# 文件。
cli-folder-unreadable = 无法读取文件夹 { $path }
cli-file-unwritable = 无法写入文件 { $path }
cli-man-written = 已将 { $count } 个页面写入 { $folder }
cli-man-name = 名称
cli-man-synopsis = 概要
cli-man-description = 描述
cli-man-options = 选项
cli-man-subcommands = 子命令
cli-man-extra = 附注
cli-man-version = 版本

# 机密。
cli-secret-env-unset = 环境变量 { $name } 未设置
cli-secret-env-empty = 环境变量 { $name } 为空
cli-secret-env-not-text = 环境变量 { $name } 不是 UTF-8 文本
cli-secret-env-cure = 为本命令设置它：export { $name }=…
cli-secret-host = 机密 { $path } 在成员所在主机上，不在此处读取
cli-secret-file-unreadable = 无法读取机密文件 { $path }
cli-secret-file-absent-cure = 生成一个随机机密：roadstead secret new { $path }
cli-secret-file-not-regular = 机密文件 { $path } 是{ $sort }，不是普通文件
cli-secret-file-not-regular-cure = 请指定只包含机密的普通文件
cli-secret-file-open = 机密文件 { $path } 可被他人读取（权限 { $mode }）
cli-secret-file-open-cure = 收回他人的权限：chmod 600 { $path }
cli-secret-file-long = 机密文件 { $path } 超过 64 KiB
cli-secret-file-empty = 机密文件 { $path } 为空
cli-secret-file-lines = { $path } 含有不止一行，或含有 NUL：没有服务器接受这样的密码
cli-secret-file-unwritable = 无法写入机密文件 { $path }
cli-secret-file-exists = { $path } 已存在，不会覆盖
cli-secret-file-exists-cure = 换一个路径，或自行移走它
cli-secret-generated = 已将随机机密写入 { $path }（权限 0600）；在舰队文件中写作 { $reference }
cli-secret-input = 无法从标准输入读取值
cli-secret-nothing = 没有值：标准输入为空
cli-secret-long = 值超过 64 KiB
cli-secret-ask = 值（不显示）：{" "}
cli-secret-ask-again = 再输入一次：{" "}
cli-secret-unequal = 两次输入不一致
cli-identity-made = 已在 { $path } 生成舰队的 age 身份（权限 0600）：请妥善保管，勿纳入版本控制
cli-identity-malformed = { $path } 中没有 age 身份
cli-age-malformed = 舰队文件中 age 引用的值不是 `roadstead secret` 写出的形式
cli-age-refused = { $path } 中的身份解不开舰队文件里的一个值

# 舰队文件。
cli-fleet-unreadable = 无法读取舰队文件 { $path }
cli-fleet-absent-cure = 用 `roadstead init` 写一份，或用 -f 指定另一份
cli-fleet-unreadable-cure = 请让当前用户可读取它，或用 -f 指定另一份
cli-fleet-not-regular = 舰队文件 { $path } 是{ $sort }；舰队文件必须是普通文件
cli-fleet-not-regular-cure = 用 -f 指定文件，或把内容送入标准输入：roadstead … -f - < FILE
cli-sort-folder = 文件夹
cli-sort-pipe = 管道
cli-sort-socket = 套接字
cli-sort-device = 设备
cli-no-such-cluster = 舰队文件没有声明集群 { $cluster }
cli-clusters-none = 舰队文件没有声明集群。
cli-no-such-cluster-cure = 已声明的有：{ $clusters }
cli-option-live = 同时查看服务器：能否连接，账号权限是否足以备份
cli-check-no-backup = 无法备份 { $cluster }：{ $why }
cli-check-no-proof = 无法在此证实 { $cluster } 的备份：{ $why }
cli-check-sound = { $file } 没有错误：{ $clusters } 个集群，{ $members } 个成员
cli-option-init-name = 舰队名称 [默认：文件夹名]
cli-option-init-user = 所给服务器的账号 [默认：roadstead]
cli-option-init-engine = 已在运行的 { $engine }
cli-init-exists = { $path } 已存在
cli-init-exists-cure = 用 -f 指定另一个文件，或检查这一份：roadstead check
cli-init-link = { $path } 是指向 { $target } 的符号链接，而 init 从不透过链接写入
cli-init-link-cure = 请把文件本身放在那里，或删除该链接；放在别处的密钥请在舰队文件中写出它自己的路径
cli-init-key = 已写入 { $path }：备份库的密钥，权限 0600。请另存一份：没有它，任何备份都无法读取
cli-init-kept = 保留了已存在的 { $path }
cli-init-wrote = 已写入 { $path }
cli-init-ignored = { $path } 中已加入 { $entries }
cli-init-next = 下一步：声明你的集群，然后运行 `roadstead check`、`roadstead backup`、`roadstead verify`。

# 计划。
cli-arg-plan = 由 `roadstead plan --out` 保存的计划
cli-option-plan-out = 把计划保存到该文件，供 `roadstead apply FILE` 使用
cli-plan-head = { $aim }（舰队 { $fleet }）
cli-plan-summary = 共 { $steps } 步{ $restarts ->
    [0] {""}
   *[other] ，其中 { $restarts } 步会中断服务器
  }{ $losses ->
    [0] {""}
   *[other] ，其中 { $losses } 步会丢失数据
  }
cli-plan-nothing = 无事可做。
cli-plan-saved = 计划已保存到 { $path }；执行：roadstead apply { $path }
cli-plan-not-over = { $path } 已存在，且不是已保存的计划
cli-plan-unreadable = 无法读取计划 { $path }
cli-plan-malformed = { $path } 不是本版本保存的计划
cli-aim-apply = 使{ $count ->
    [0] 舰队
   *[other] { $clusters }
  }与声明一致
cli-aim-down = 停止{ $count ->
    [0] 舰队
   *[other] { $clusters }
  }，保留数据
cli-aim-backup = 备份{ $count ->
    [0] 舰队
   *[other] { $clusters }
  }
cli-aim-verify = 证实 { $count } 个快照
cli-aim-restore-place = 原地恢复 { $snapshot }
cli-aim-restore-beside = 在旁边恢复 { $snapshot }，成员名 { $member }
cli-aim-restore-address = 把 { $snapshot } 恢复到 { $address }:{ $port }
cli-risk-create = 新建
cli-risk-reload = 重载
cli-risk-restart = 重启
cli-risk-interrupts-writes = 中断写入
cli-risk-fails-over = 切换主库
cli-risk-loses-data = 丢失数据

# 同意。
cli-consent-ask = 要执行吗？[y/N]
cli-consent-type = 这会移走或移除数据。要继续，请输入 { $name }：
cli-consent-refused = 未获同意；什么也没有做
cli-consent-unread = 无法从终端读取回答
cli-consent-missing = 此操作会带来改变，而没有终端可以询问
cli-consent-missing-cure = 用 --dry-run 阅读计划，然后加上 --yes
cli-consent-names = 这会移走或移除 { $names } 的数据，仅有 --yes 不够
cli-consent-names-cure = 用 --dry-run 阅读计划，然后加上 --yes={ $names }

# 操作过程。
cli-runtime = 无法启动程序的线程
cli-signals-unheard = 无法接收信号
cli-stopping = 将在下一个安全点停止；再按一次立即结束。
cli-report-failed = { $step } 失败：
cli-report-not-begun = { $step } 没有开始
cli-report-done = 完成：{ $done } 步（操作 { $operation }）
cli-report-ended-failed = 完成 { $done } 步，{ $left } 步未完成；已做的保持原样。继续：roadstead resume { $operation }
cli-report-ended-looking = 完成 { $done } 步，{ $left } 步未完成；没有改动任何东西。失败之处及对策见上；解决之后请再次运行同一命令（操作 { $operation }）
cli-report-cancelled = 已按要求停止：完成 { $done } 步，{ $left } 步未完成；已做的保持原样。继续：roadstead resume { $operation }
cli-interrupted-earlier = 操作 { $operation }（{ $aim }，始于 { $started }）曾被中断
cli-interrupted-earlier-cure = 本计划从当前实际状态出发；要继续那次操作：roadstead resume { $operation }
cli-folder-unmakeable = 无法创建文件夹 { $path }
cli-folder-not-ours = 文件夹 { $path } 属于他人，或他人可以进入
cli-secret-made = 已在 { $path } 生成随机机密（权限 0600）

# 代理。
cli-agent-started = 已启动代理（进程 { $pid }，日志 { $log }）
cli-agent-not-started = 代理没有启动成功；日志在 { $log }
cli-agent-not-ended = 已要求代理（进程 { $pid }）结束，但它仍在运行
cli-agent-ended = 已结束代理
cli-clock-beyond = 本机的时钟已超过 9999 年末
cli-clock-beyond-cure = 请校准时钟；没有做任何操作
cli-agent-watches = 没有结束代理（进程 { $pid }）：它仍在看护本命令没有停止的服务器（属于以下舰队文件）：{ $homes }
cli-agent-watches-cure = 对那些文件运行“roadstead down”会停止它们，并在代理不再看护任何服务器时结束代理
cli-state-of-other = { $path } 属于 { $owner }，而您是 { $user }：本舰队的服务器、日志和密钥由 { $owner } 运行
cli-state-of-other-cure = 请以 { $owner } 的身份对本舰队文件运行 Roadstead；若要改由 { $user } 运行该舰队，请先以 { $owner } 的身份停止它（roadstead down），再在自己的目录中使用该文件的副本
cli-option-agent-socket = 监听的套接字
cli-option-agent-fleet = 舰队
cli-option-agent-fleet-file = 此舰队的文件
cli-option-agent-host = 主机的声明

# 状态。
cli-head-member = 成员
cli-head-cluster = 集群
cli-head-state = 状态
cli-head-role = 角色
cli-head-version = 版本
cli-head-endpoint = 端点
cli-head-proven = 最近已证实的备份
cli-state-unknown = 未知
cli-state-backing-off = 反复退出
cli-state-unfinished = 未完成
cli-state-dead = 已退出
cli-role-primary = 主
cli-role-replica = 从
cli-proven-never = 从未
cli-proven-undeclared = 未声明备份
cli-age = { $count } { $unit ->
    [s] 秒
    [min] 分钟
    [h] 小时
   *[d] 天
}前
cli-age-ahead = 在将来
cli-status-undeclared = 不在舰队文件中
cli-status-dead = { $member } 应当运行而没有运行，也没有代理来启动它
cli-status-dead-cure = roadstead up
cli-status-unfinished-cure = 继续该操作：roadstead resume { $operation }；若不再需要，请删除 { $path }
cli-status-unfinished-lost-cure = 请按 `roadstead journal` 中的编号继续其恢复；若不再需要，请删除 { $path }
cli-status-unfinished-place-cure = 若正在进行，请等待；否则继续：roadstead resume { $operation }；或重新开始：roadstead restore latest --cluster { $cluster }
cli-status-elsewhere = { $member } 在 { $there } 监听，而舰队文件声明为 { $wanted }
cli-status-elsewhere-cure = 按声明重启：roadstead up
cli-status-half-done = 到 { $place } 的恢复（操作 { $operation }）正在进行或未完成
cli-status-half-loaded = 到 { $place } 的恢复（操作 { $operation }）正在进行或未完成：其中可能只有快照的一部分
cli-status-half-done-cure = 继续：roadstead resume { $operation }；若一切已符合需要，则放弃该操作：roadstead resume { $operation } --give-up
cli-status-to-come = { $cluster } 有 { $count } 个快照标明的时间还没有到来，其中最晚的是 { $snapshot }，{ $taken }
cli-status-aside = 恢复时移开的 { $member } 的数据保留在 { $path }（大小：{ $size }，存在时长：{ $age }）
cli-status-aside-cure = 当不再有人需要时，请手动删除该目录；Roadstead 不删除任何数据
cli-status-aside-later-cure = 在该成员的恢复完成之前请保留
cli-status-aside-needed-cure = 请保留：移走它的恢复尚未完成。若要退回：roadstead down，将 { $data } 移走并把 { $path } 移到 { $data }，然后 roadstead up、roadstead resume { $operation } --give-up
cli-status-to-come-cure = 请校准本机与执行备份的主机的时钟；快照的先后不依赖时钟，其存在时长却依赖
cli-status-no-data = { $member } 在此没有数据，而集群 { $cluster } 有快照
cli-status-no-data-cure = 请找回其数据，或恢复它：roadstead restore latest --cluster { $cluster }
cli-status-no-answer = { $member } 没有正常应答：{ $why }
cli-status-restarts = { $member } 曾退出并被重新启动（{ $restarts } 次）
cli-status-agent = 代理：进程 { $pid }，版本 { $version }
cli-status-agent-unknown = 代理：没有正常应答，原因见下文
cli-status-no-agent = 代理：没有运行，因此成员退出后无人重启；`roadstead up` 会启动它

# 快照。
cli-head-snapshot = 快照
cli-head-vault = 备份库
cli-head-taken = 时间
cli-head-size = 大小
cli-head-stored = 占用
cli-head-stage = 阶段
cli-head-compared = 比较内容
cli-stage-taken = 已取
cli-stage-checked = 已检查
cli-stage-proven = 已证实
cli-stage-failed = 失败
cli-compared-nothing = 尚未比较
cli-compared = { $parts }；{ $when ->
    [snapshot] 与转储在同一快照中测得
    [but] 与转储在同一快照中测得，但 { $kinds } 在其后测得
   *[after] 部分在转储之后测得
  }
cli-compared-content = { $count } 个对象按内容（{ $rows } 行）
cli-compared-counted = { $count } 个按数量
cli-compared-named = { $count } 个按名称
cli-compared-comma = ，
cli-backups-none = 还没有快照；用 `roadstead backup` 取一组。
cli-arg-snapshot = 快照编号或其开头，或 `latest`
cli-arg-snapshots = 快照编号或其开头 [默认：每个集群最新的快照，已证实的除外]
cli-snapshot-unknown = 没有编号以 { $snapshot } 开头的快照
cli-snapshot-unknown-cure = 列出快照：roadstead backups
cli-snapshot-of-fleet = 快照 { $snapshot } 属于舰队 { $fleet }，不属于此舰队
cli-snapshot-of-fleet-cure = 请使用舰队 { $fleet } 的舰队文件；如果此文件就是那个文件而舰队已改名，请暂时改回原名
cli-output-lost = 无法把结果写到指定的输出
cli-output-lost-cure = 请写到别处；命令已完成的操作依然有效，`roadstead journal` 会说明
cli-snapshot-ambiguous = 不止一个快照的编号以 { $snapshot } 开头
cli-snapshot-of-another = 快照 { $snapshot } 属于集群 { $other }，不属于 { $cluster }
cli-option-verify-all = 重新证实所有快照
cli-verify-none = 没有可证实的快照
cli-verify-none-cure = 先取一组：roadstead backup
cli-verify-proven-already = { $cluster } 的 { $snapshot } 已于 { $age }证实
cli-verify-verdict = { $cluster } 的 { $snapshot }：{ $compared }
cli-verify-more = ……另有 { $count } 处；`roadstead backups --json` 列出全部
cli-option-beside = 这个名称和端口的新成员
cli-option-to = 该地址的服务器；要恢复到那里，它必须是空的
cli-option-to-user = 那里的账号
cli-option-to-password = 其密码所在：${"{"}env:NAME{"}"}、${"{"}file:PATH{"}"} 或 `roadstead secret` 的输出
cli-option-to-tls = 连接保护：auto、verify-full 或 off [默认：auto]
cli-option-to-ca = 签发机构的证书，若非系统所带
cli-restore-beside = { $value } 不是 NAME:PORT 形式
cli-restore-to = { $value } 不是 HOST:PORT 形式；IPv6 地址写在方括号内
cli-restore-to-account = --to 的值里写了账号，而它应为 HOST:PORT
cli-restore-to-account-cure = 用 --user 给出账号，用 --password-ref 给出密码引用；若那里写过密码，请更换：它已留在 shell 历史中
cli-restore-user = --to 需要 --user
cli-restore-password = --password-ref 的值不是机密引用
cli-restore-password-cure = 写成 ${"{"}env:NAME{"}"} 或 ${"{"}file:PATH{"}"}，并加单引号；若那里写的是密码，请更换：它已留在 shell 历史中
cli-restore-which = 有多个集群的快照
cli-restore-which-cure = 指明一个：--cluster CLUSTER
cli-restore-latest-unknown = 无法得知哪个快照最新：备份库中的内容未能全部读取
cli-restore-latest-unknown-cure = 请使其可以读取，或用编号指明快照：roadstead backups 会列出它们
cli-restore-none = 集群 { $cluster } 没有快照

# 备份库。
cli-arg-vaults = 仅限这些备份库
cli-no-such-vault = 舰队文件没有声明备份库 { $vault }
cli-no-such-vault-cure = 已声明的有：{ $vaults }
cli-vault-unread = 无法读取备份库 { $vault } 的快照目录：{ $why }
cli-vault-unusable = 备份库 { $vault } 无法使用，不会有备份存入其中：{ $why }
cli-vault-gone = 备份库 { $vault } 不在 { $path } 中，而其中曾有快照，最后一个取于 { $last }
cli-vault-gone-cure = 请找回它（是否有磁盘未挂载？）；若要在原处新建：roadstead vault init { $vault }
cli-vault-made = 已在 { $path } 创建备份库 { $vault }
cli-vault-there = 备份库 { $vault } 已在 { $path }
cli-vault-checking = 正在检查备份库 { $vault }
cli-vault-sound = 备份库 { $vault } 的结构完好；内容由 `roadstead verify` 读回检查
cli-vault-damaged = 备份库 { $vault } 已损坏
cli-vault-pruning = 正在清理备份库 { $vault }
cli-vault-none = 舰队文件没有声明备份库。
cli-vault-would-prune = { $count ->
    [0] 将在备份库 { $vault } 中释放 { $freed }，没有快照需要它们；没有选定快照
   *[other] 将从备份库 { $vault } 删除 { $count } 个快照，释放 { $freed }：{ $snapshots }
}
cli-vault-prune-nothing = 备份库 { $vault } 没有可清理的：没有选定快照，其中的数据也都有用
cli-vault-pruned = { $count ->
    [0] 已在备份库 { $vault } 中释放 { $freed }，没有快照需要它们；没有选定快照
   *[other] 已从备份库 { $vault } 删除 { $count } 个快照，释放 { $freed }：{ $snapshots }
}
cli-option-prune-keep = 每个集群保留这么多个，外加最新的已证实快照
cli-option-prune-snapshot = 删除这个快照

# 日志。
cli-head-operation = 操作
cli-head-started = 开始
cli-head-by = 执行者
cli-head-aim = 目标
cli-head-result = 结果
cli-head-steps = 步骤
cli-arg-operation = 显示该操作，给出编号或其开头
cli-arg-operation-resume = 操作 [默认：最近被中断的]
cli-option-give-up = 不再继续该操作：不再提示，其遗留内容保持不变
cli-option-journal-limit = 显示多少条，新的在前 [默认：20]
cli-journal-skipped = 无法读取日志中的操作 { $operation }：由其他版本写成，或已损坏；它做了什么、是否结束都无从得知
cli-journal-skipped-cure = 请用写下它的版本查看：roadstead journal { $operation }；数据和快照不依赖日志
cli-journal-empty = 还没有做过任何操作。
cli-journal-head = { $operation }：{ $aim }，{ $by }，{ $started }：
cli-journal-unknown = { $step } 已开始；结果未知
cli-journal-at-work = { $step }：进行中
cli-ended-done = 完成
cli-ended-failed = 失败
cli-ended-cancelled = 已停止
cli-ended-resumed = 已由后续操作继续
cli-ended-given-up = 已放弃
cli-ended-never = 被中断
cli-ended-not-yet = 运行中
cli-resume-head = 继续 { $operation }：{ $aim }
cli-resume-none = 没有被中断的操作。
cli-resume-none-lately = 最近 { $count } 个操作中没有被中断的；更早的可按编号继续。
cli-resume-given-up = 已放弃：{ $operation }（{ $aim }）。未做任何更改，也不会再继续该操作。
cli-resume-gave-up = 操作 { $operation } 已被放弃
cli-resume-gave-up-cure = 请用当初的命令重新开始
cli-resume-of-another = 操作 { $operation } 由另一个舰队文件 { $file } 开始
cli-resume-of-another-cure = 用那个文件继续：roadstead resume { $operation } -f { $file }
cli-resume-done = 操作 { $operation } 已经完成
cli-resume-replaced = 操作 { $operation } 已经作废：之后的恢复已在该处放入数据
cli-resume-replaced-cure = 若不再需要提示：roadstead resume { $operation } --give-up
cli-resume-resumed = 操作 { $operation } 已由后来的操作接续
cli-resume-resumed-cure = 现在等待继续的操作：roadstead resume { $operation }
cli-resume-resumed-none-cure = 没有等待继续的操作；`roadstead journal` 会列出它们

# 说明。
cli-head-setting = 设置
cli-head-value = 值
cli-head-why = 理由
cli-explain-fleet = 舰队 { $fleet }
cli-explain-vault = 备份库 { $vault }：{ $path }
cli-explain-host = 主机 { $host }：成员位于 { $data } 之下，运行用户为{ $user }
cli-explain-own-user = 各引擎的常用用户，或运行代理的用户
cli-explain-cluster = { $cluster }：{ $flavour }，版本 { $version }
cli-explain-cluster-unseen = { $cluster }：引擎 { $engine }，尚不能在此运行，原因见下文
cli-explain-cluster-managed = { $cluster }：引擎 { $engine }，版本以其服务器所报为准
cli-explain-supervised = { $member }（{ $endpoint }），在此运行并受看护
cli-explain-managed = { $member }（{ $endpoint }），由他人运行，只读取
cli-explain-backup = 备份到备份库 { $vault }：{ $guarantee }
cli-explain-no-backup = 不备份

# 与恢复结果比较。
cli-aim-compare-place = 把在用成员与 { $snapshot } 比较
cli-aim-compare-beside = 把 { $member } 与 { $snapshot } 比较
cli-aim-compare-address = 把 { $address }:{ $port } 与 { $snapshot } 比较
cli-option-verify-live = 把集群自己正在运行的成员与快照比较
cli-verify-one = 恢复的结果只能与一个快照比较；给出了多个

# 演示。
cli-demo-no-engine = 本构建没有演示所能填充的引擎
cli-demo-folder = 无法使用演示的文件夹
cli-demo-ports = 找不到空闲端口
cli-demo-up = 由一个文件启动了 { $engines }
cli-demo-fill = 填入 { $rows } 行和键
cli-demo-backup = 作为一组完成备份
cli-demo-verify = 每份备份均已证实：恢复到临时服务器并比较
cli-demo-destroy = 毁掉 { $member } 的数据目录，并杀死其服务器
cli-demo-restore = 恢复了 { $member }
cli-demo-compare = 逐个对象比较了 { $member } 与其备份
cli-demo-down = 全部停止
cli-demo-interrupted = 演示被中断；它启动的一切已停止并清除
cli-demo-command = { $command } 失败
cli-demo-no-client = 演示用 { $engine } 自己的客户端填充数据，但没有找到：{ $client }
cli-demo-no-process = { $member } 没有可杀死的进程
cli-demo-unproven = 有 { $count } 个快照未证实
cli-demo-left = 演示的进程无法结束；其文件夹是 { $folder }
cli-demo-not-removed = 无法删除文件夹 { $folder }
cli-demo-compared = { $objects } 个对象，{ $rows } 行
cli-demo-done = 全程用时 { $took }。没有留下任何运行中的东西。
cli-backup-next = 已取得还不等于已证实：`roadstead verify` 会把每个快照恢复到临时服务器并比较。
cli-compared-empty = 两边都是空的
