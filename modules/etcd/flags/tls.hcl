# Certificates, keys, ciphers: for clients, for peers.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "auto-tls" {
  type       = "bool"
  in         = "3.0+"
  default    = "false"
  config_key = "client-transport-security.auto-tls"
}

flag "ca-file" {
  type       = "string"
  in         = "2.0..3.3"
  deprecated = "2.1..3.3"
  default    = ""
  config_key = "client-transport-security.ca-file"
  replaced_by = {
    trusted-ca-file = "{value}"
    client-cert-auth = "true"
  }
  guards = "Without it clients no longer need a certificate of this authority: whoever reaches the port is let in."
  advice = "It implied that clients need a certificate; trusted-ca-file does not, so client-cert-auth is set beside it."
}

flag "cert-file" {
  type       = "string"
  in         = "all"
  default    = ""
  config_key = "client-transport-security.cert-file"
}

flag "cipher-suites" {
  type    = "value"
  in      = "3.2.22..3.2, 3.3.7+"
  default = ""
}

flag "client-cert-allowed-hostname" {
  type       = "value"
  in         = "3.4+"
  default    = ""
  config_key = "client-transport-security.allowed-hostname"
}

flag "client-cert-auth" {
  type       = "bool"
  in         = "2.1+"
  default    = "false"
  config_key = "client-transport-security.client-cert-auth"
}

flag "client-cert-file" {
  type       = "string"
  in         = "3.5+"
  default    = ""
  config_key = "client-transport-security.client-cert-file"
}

flag "client-crl-file" {
  type    = "string"
  in      = "3.3+"
  default = ""
}

flag "client-key-file" {
  type       = "string"
  in         = "3.5+"
  default    = ""
  config_key = "client-transport-security.client-key-file"
}

flag "key-file" {
  type       = "string"
  in         = "all"
  default    = ""
  config_key = "client-transport-security.key-file"
}

flag "peer-auto-tls" {
  type       = "bool"
  in         = "3.0+"
  default    = "false"
  config_key = "peer-transport-security.auto-tls"
}

flag "peer-ca-file" {
  type       = "string"
  in         = "2.0..3.3"
  deprecated = "2.1..3.3"
  default    = ""
  config_key = "peer-transport-security.ca-file"
  replaced_by = {
    peer-trusted-ca-file = "{value}"
    peer-client-cert-auth = "true"
  }
  guards = "Without it peers no longer need a certificate of this authority: whoever reaches the port is taken for a member."
  advice = "It implied that peers need a certificate; peer-trusted-ca-file does not, so peer-client-cert-auth is set beside it."
}

flag "peer-cert-allowed-cn" {
  type       = "value"
  in         = "3.3+"
  default    = ""
  config_key = "peer-transport-security.allowed-cn"
}

flag "peer-cert-allowed-hostname" {
  type       = "value"
  in         = "3.4+"
  default    = ""
  config_key = "peer-transport-security.allowed-hostname"
}

flag "peer-cert-file" {
  type       = "string"
  in         = "all"
  default    = ""
  config_key = "peer-transport-security.cert-file"
}

flag "peer-client-cert-auth" {
  type       = "bool"
  in         = "2.1+"
  default    = "false"
  config_key = "peer-transport-security.client-cert-auth"
}

flag "peer-client-cert-file" {
  type       = "string"
  in         = "3.5+"
  default    = ""
  config_key = "peer-transport-security.client-cert-file"
}

flag "peer-client-key-file" {
  type       = "string"
  in         = "3.5+"
  default    = ""
  config_key = "peer-transport-security.client-key-file"
}

flag "peer-crl-file" {
  type    = "string"
  in      = "3.3+"
  default = ""
}

flag "peer-key-file" {
  type       = "string"
  in         = "all"
  default    = ""
  config_key = "peer-transport-security.key-file"
}

flag "peer-skip-client-san-verification" {
  type       = "bool"
  in         = "3.6+"
  default    = "false"
  config_key = "peer-transport-security.skip-client-san-verification"
}

flag "peer-trusted-ca-file" {
  type       = "string"
  in         = "2.1+"
  default    = ""
  config_key = "peer-transport-security.trusted-ca-file"
}

flag "self-signed-cert-validity" {
  type    = "uint"
  in      = "3.5+"
  default = "1"
}

flag "tls-max-version" {
  type    = "string"
  in      = "3.4.25..3.4, 3.5.8+"
  default = ""
}

flag "tls-min-version" {
  type    = "string"
  in      = "3.4.25..3.4, 3.5.8+"
  default = "TLS1.2"
}

flag "trusted-ca-file" {
  type       = "string"
  in         = "2.1+"
  default    = ""
  config_key = "client-transport-security.trusted-ca-file"
}
