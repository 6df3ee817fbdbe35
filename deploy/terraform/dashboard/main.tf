# A CloudWatch dashboard over fargauge's lines: how many runs, how long, what they use of their size, what failed.
# Each look at it runs its queries, which are billed by the data that they scan.

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

variable "region" {
  description = "The region of the log groups."
  type        = string
}

variable "name" {
  type    = string
  default = "fargauge"
}

resource "aws_cloudwatch_dashboard" "fargauge" {
  dashboard_name = var.name
  dashboard_body = templatefile("${path.module}/dashboard.json", {
    Region  = var.region
    Sources = join("' | SOURCE '", var.log_group_names)
  })
}
