# Saved queries of CloudWatch Logs Insights over fargauge's lines, one for each question.
# The .logs-insights files beside this one are copies of those in deploy/queries, which a test compares.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "log_group_names" {
  description = "The log groups that hold the lines."
  type        = list(string)
}

variable "folder" {
  description = "The folder in which the console shows the queries."
  type        = string
  default     = "fargauge"
}

resource "aws_cloudwatch_query_definition" "question" {
  for_each = fileset(path.module, "*.logs-insights")

  name            = "${var.folder}/${trimsuffix(each.key, ".logs-insights")}"
  log_group_names = var.log_group_names
  query_string    = file("${path.module}/${each.key}")
}
