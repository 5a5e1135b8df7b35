# Sentences that all engines share.
engines-tls-ca-unreadable = the certificate authority's file { $path } cannot be read as PEM certificates
engines-tls-ca-unreadable-cure = give the path of a PEM file with the authority's certificate under tls.ca
engines-tls-ca-empty = the certificate authority's file { $path } holds no certificate
engines-tool-missing = no program for "{ $tool }" that suits { $wanted } was found on this host
engines-tool-missing-cure = install { $packages }, or name its folder under hosts.<name>.programs
engines-tool-not-started = { $tool } could not be started
engines-tool-failed = { $tool } failed ({ $status })
engines-tool-pipe = the connection to { $tool } broke
