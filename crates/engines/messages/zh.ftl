# 各引擎共用的句子。
engines-tls-ca-unreadable = 无法把证书颁发机构文件 { $path } 读作 PEM 证书
engines-tls-ca-unreadable-cure = 在 tls.ca 下给出含有颁发机构证书的 PEM 文件路径
engines-tls-ca-empty = 证书颁发机构文件 { $path } 中没有证书
engines-tool-missing = 本机上没有找到适合 { $wanted } 的程序“{ $tool }”
engines-tool-missing-cure = 安装 { $packages }，或在 hosts.<名称>.programs 下写出它所在的目录
engines-tool-not-started = 无法启动 { $tool }
engines-tool-failed = { $tool } 失败（{ $status }）
engines-tool-pipe = 与 { $tool } 的连接中断
