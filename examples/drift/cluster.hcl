# A cluster that is watched for drift: what counts, and who is told. The files beside this one run `quorate drift`.

variable "webhook" {
  type        = string
  default     = "https://chat.example/hook"
  sensitive   = true
  description = "Where changes are sent. It may hold a token: give it in QUORATE_VAR_webhook, or in a file of mode 600."
}

cluster "prod" {
  version = "3.5.33"

  connection "ssh" {
    user   = "deploy"
    become = "sudo"
  }

  runtime "systemd" {
    adopt = true
  }

  member "m1" { address = "10.0.0.11" }
  member "m2" { address = "10.0.0.12" }
  member "m3" { address = "10.0.0.13" }

  # Held against what members run with; a plan refuses a difference as well.
  settings = {
    quota-backend-bytes = 8 * 1024 * 1024 * 1024
  }

  drift {
    certificates = "45d"
    backup       = "26h"
    webhook      = var.webhook
    alertmanager = "http://alertmanager.example:9093"
  }
}
