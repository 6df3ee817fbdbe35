# CloudWatch metrics by job, made from the REPORT lines in one log group, and an alarm for one job's failures.
# Each metric of each job is billed as a custom metric in the months in which the job runs.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "log_group_name" {
  description = "The log group that holds the REPORT lines, of class Standard."
  type        = string
}

variable "namespace" {
  type    = string
  default = "fargauge"
}

variable "alarm_job" {
  description = "The job whose failures raise the alarm."
  type        = string
  default     = "nightly-batch"
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told of the alarm."
  type        = list(string)
  default     = []
}

locals {
  metrics = {
    Duration          = { match = "$.durationMs = *", value = "$.durationMs", unit = "Milliseconds" }
    MemoryUtilization = { match = "$.maxMemoryUtilizationPercent = *", value = "$.maxMemoryUtilizationPercent", unit = "Percent" }
    CpuUtilization    = { match = "$.avgCpuUtilizationPercent = *", value = "$.avgCpuUtilizationPercent", unit = "Percent" }
    Failures          = { match = "$.status = \"failure\"", value = "1", unit = "Count" }
    OutOfMemory       = { match = "$.errorType = \"OutOfMemory\"", value = "1", unit = "Count" }
  }
}

resource "aws_cloudwatch_log_metric_filter" "report" {
  for_each = local.metrics

  name           = "${var.namespace}-${each.key}"
  log_group_name = var.log_group_name
  pattern        = "{ ($.type = \"REPORT\") && ($.fargaugeVersion = *) && (${each.value.match}) }"

  metric_transformation {
    namespace  = var.namespace
    name       = each.key
    value      = each.value.value
    unit       = each.value.unit
    dimensions = { Job = "$.job" }
  }
}

resource "aws_cloudwatch_metric_alarm" "failure" {
  alarm_name          = "${var.namespace}-${var.alarm_job}-failed"
  alarm_description   = "A run of ${var.alarm_job} failed. Its REPORT line in ${var.log_group_name} says how."
  namespace           = var.namespace
  metric_name         = "Failures"
  dimensions          = { Job = var.alarm_job }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  # No run is no failure.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_topic_arns
}
