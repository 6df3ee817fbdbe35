variable "container_definitions" {
  description = "The task's container definitions without the sidecar, as ECS takes them (camelCase): what jsonencode would get."
  type        = any

  validation {
    condition     = can([for each in var.container_definitions : each.name])
    error_message = "container_definitions must be a list of containers, each with a name; of JSON text, give jsondecode(TEXT)."
  }
  validation {
    condition     = try(contains(range(1, 10), length([for each in var.container_definitions : each.name])), true)
    error_message = "There must be 1 to 9 containers: ECS allows 10, the sidecar included."
  }
  validation {
    condition     = try(length(distinct([for each in var.container_definitions : each.name])) == length(var.container_definitions), true)
    error_message = "Two containers have the same name: ECS tells containers apart by it."
  }
  validation {
    condition     = try(!contains([for each in var.container_definitions : each.name], "fargauge"), true)
    error_message = "A container is called fargauge already: that is the sidecar's name."
  }
}

variable "image" {
  description = "The sidecar's image, in a registry of yours."
  type        = string
}

variable "batch" {
  description = "Name of the container that the report is about. Default: the first essential one."
  type        = string
  default     = null
}

variable "order" {
  description = "batch-first: nothing about the sidecar can keep the batch from running. sidecar-first: it sees the first second and the end of a stopped run, but a sidecar that cannot start keeps the batch from starting."
  type        = string
  default     = "batch-first"

  validation {
    condition     = contains(["batch-first", "sidecar-first"], var.order)
    error_message = "order must be batch-first or sidecar-first."
  }
}

variable "stop_timeout" {
  description = "The sidecar's stopTimeout, 2 to 120 seconds."
  type        = number
  default     = 30

  validation {
    condition     = var.stop_timeout >= 2 && var.stop_timeout <= 120 && floor(var.stop_timeout) == var.stop_timeout
    error_message = "stop_timeout must be a whole number from 2 to 120."
  }
}

variable "environment" {
  description = "Further variables of the sidecar, such as FARGAUGE_JOB."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : !contains(["FARGAUGE_STOP_TIMEOUT_SECONDS", "FARGAUGE_BATCH"], name)])
    error_message = "environment sets FARGAUGE_STOP_TIMEOUT_SECONDS or FARGAUGE_BATCH, which come from stop_timeout and batch."
  }
}

variable "log_group_arn" {
  description = "ARN of the batch's log group, or of the one that FARGAUGE_LOG_GROUP names, as aws_cloudwatch_log_group gives it: for the task role's policy."
  type        = string
}
