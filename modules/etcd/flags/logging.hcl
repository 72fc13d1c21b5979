# Logs, traces, metrics, warnings.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "debug" {
  type       = "bool"
  in         = "2.1..3.4"
  deprecated = "3.4"
  default    = "false"
  replaced_by = {
    log-level = "debug"
  }
  replaced_when = "true"
  advice        = "log-level=debug says the same from 3.4 on."
}

flag "distributed-tracing-address" {
  type    = "string"
  in      = "3.6+"
  default = "localhost:4317"
}

flag "distributed-tracing-instance-id" {
  type    = "string"
  in      = "3.6+"
  default = ""
}

flag "distributed-tracing-sampling-rate" {
  type    = "int"
  in      = "3.6+"
  default = "0"
}

flag "distributed-tracing-service-name" {
  type    = "string"
  in      = "3.6+"
  default = "etcd"
}

flag "enable-distributed-tracing" {
  type    = "bool"
  in      = "3.6+"
  default = "false"
}

flag "enable-pprof" {
  type    = "bool"
  in      = "2.3+"
  default = "false"
}

flag "listen-metrics-urls" {
  type    = "value"
  in      = "3.3+"
  default = ""
}

flag "log-format" {
  type    = "string"
  in      = "3.6+"
  default = "json"
}

flag "log-level" {
  type    = "string"
  in      = "3.4+"
  default = "info"
}

flag "log-output" {
  type       = "value"
  in         = "3.1..3.4"
  deprecated = "3.4"
  default    = "default"
  replaced_by = {
    log-outputs = "{value}"
  }
  advice = "In a config file log-outputs is a list. With logger=zap, write stderr or stdout rather than default."
}

flag "log-outputs" {
  type    = "value"
  in      = "3.4+"
  default = "default"
}

flag "log-package-levels" {
  type       = "string"
  in         = "2.1..3.4"
  deprecated = "3.4"
  default    = ""
  remove     = true
  advice     = "There are no levels by package any more; log-level is for all."
}

flag "log-rotation-config-json" {
  type    = "string"
  in      = "3.5+"
  default = "{maxsize:100,maxage:0,maxbackups:0,localtime:false,compress:false}"
}

flag "logger" {
  type       = "string"
  in         = "3.4+"
  deprecated = "3.4"
  defaults = {
    "3.4" = "capnslog"
    "3.5+" = "zap"
  }
  advice = "capnslog is refused from 3.5 on."
}

flag "metrics" {
  type    = "string"
  in      = "3.1+"
  default = "basic"
}

flag "version" {
  type    = "bool"
  in      = "all"
  default = "false"
}

flag "warning-apply-duration" {
  type    = "duration"
  in      = "3.6+"
  default = "100ms"
}

flag "warning-unary-request-duration" {
  type = "duration"
  in   = "3.6+"
  defaults = {
    "3.6" = "0s"
    "3.7+" = "300ms"
  }
}
