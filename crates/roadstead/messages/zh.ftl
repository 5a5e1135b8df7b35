# 命令行的语句。

# 行首标签。
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
cli-help-after = 退出码：0 完成，1 答案为否，2 输入有误，3 部分完成，130 被中断。
cli-about = 一个文件管理数据库：启动、看护、备份，且每份备份都经过恢复验证
cli-about-init = 写出第一份舰队文件、编辑器用的 Schema 和备份库密钥
cli-about-check = 检查舰队文件：一次列出全部错误，并给出位置和对策
cli-about-explain = 列出每个默认值和推导出的设置及其理由
cli-about-schema = 输出舰队文件的 JSON Schema
cli-about-plan = 显示要使舰队与声明一致需做哪些事
cli-about-apply = 执行已保存的计划，或立即计划并执行
cli-about-up = 在需要处启动代理，并使一切与声明一致
cli-about-down = 停止各成员和代理；数据保留
cli-about-status = 显示每个成员：状态、角色、版本、端点、最近一次通过验证的备份
cli-about-backup = 取一组快照
cli-about-backups = 列出快照：验证到哪一步，比较了什么
cli-about-verify = 验证快照：逐个恢复到一次性服务器并比较
cli-about-restore = 恢复快照：原地、旁边，或恢复到空服务器
cli-about-journal = 列出各次操作，或显示其中一次
cli-about-resume = 从当前实际状态继续被中断的操作
cli-about-secret = 把标准输入的值加密，供舰队文件使用
cli-about-secret-new = 写一个含随机密钥的新文件，仅所有者可读
cli-about-vault = 创建、检查和清理备份库
cli-about-vault-init = 创建舰队文件中声明的备份库
cli-about-vault-check = 检查备份库结构：索引、数据包、记录
cli-about-vault-prune = 删除快照以及其他快照都不需要的数据
cli-about-demo = 在本机一分钟内演示全过程，不留痕迹
cli-about-completion = 输出 shell 补全脚本
cli-about-man = 输出手册页
cli-about-agent = 作为本主机的代理运行
cli-option-file = 舰队文件 [默认：fleet.yaml]
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

# 密钥。
cli-secret-env-unset = 环境变量 { $name } 未设置
cli-secret-env-empty = 环境变量 { $name } 为空
cli-secret-env-not-text = 环境变量 { $name } 不是 UTF-8 文本
cli-secret-env-cure = 为本命令设置它：export { $name }=…
cli-secret-host = 密钥 { $path } 在成员所在主机上，不在此处读取
cli-secret-file-unreadable = 无法读取密钥文件 { $path }
cli-secret-file-absent-cure = 生成一个随机密钥：roadstead secret new { $path }
cli-secret-file-not-regular = 密钥文件 { $path } 不是普通文件
cli-secret-file-open = 密钥文件 { $path } 可被他人读取（权限 { $mode }）
cli-secret-file-open-cure = 收回他人的权限：chmod 600 { $path }
cli-secret-file-long = 密钥文件 { $path } 超过 64 KiB
cli-secret-file-empty = 密钥文件 { $path } 为空
cli-secret-file-unwritable = 无法写入密钥文件 { $path }
cli-secret-file-exists = { $path } 已存在，不会覆盖
cli-secret-file-exists-cure = 换一个路径，或自行移走它
cli-secret-generated = 已将随机密钥写入 { $path }（权限 0600）；在舰队文件中写作 { $reference }
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
cli-no-such-cluster = 舰队文件没有声明集群 { $cluster }
cli-no-such-cluster-cure = 已声明的有：{ $clusters }
cli-option-live = 同时查看服务器：能否连接，账号权限是否足以备份
cli-check-sound = { $file } 没有错误：{ $clusters } 个集群，{ $members } 个成员
cli-option-init-name = 舰队名称 [默认：文件夹名]
cli-option-init-user = 所给服务器的账号 [默认：roadstead]
cli-option-init-engine = 已在运行的 { $engine }
cli-init-exists = { $path } 已存在
cli-init-exists-cure = 用 -f 指定另一个文件，或检查这一份：roadstead check
cli-init-key = 已写入 { $path }：备份库的密钥，权限 0600。请另存一份：没有它，任何备份都无法读取
cli-init-kept = 保留了已存在的 { $path }
cli-init-wrote = 已写入 { $path }
cli-init-ignored = { $path } 中已加入 { $entries }
cli-init-next = 下一步：声明你的集群，然后运行 `roadstead check`、`roadstead backup`、`roadstead verify`。
