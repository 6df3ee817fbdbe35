# A task definition with the sidecar, its roles and log group, and metrics of its reports.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "batch_image" {
  type    = string
  default = "123456789012.dkr.ecr.us-east-1.amazonaws.com/nightly-batch:latest"
}

variable "fargauge_image" {
  type    = string
  default = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fargauge:0.1.0"
}

provider "aws" {
  region = var.region
}

resource "aws_cloudwatch_log_group" "batch" {
  name              = "/ecs/nightly-batch"
  retention_in_days = 30
}

module "fargauge" {
  source = "../"

  image         = var.fargauge_image
  log_group_arn = aws_cloudwatch_log_group.batch.arn
  container_definitions = [
    {
      name      = "nightly-batch"
      image     = var.batch_image
      essential = true
      cpu       = 960
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.batch.name
          "awslogs-region"        = var.region
          "awslogs-stream-prefix" = "ecs"
        }
      }
    },
  ]
}

module "report_metrics" {
  source = "../report-metrics"

  log_group_name = aws_cloudwatch_log_group.batch.name
}

locals {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role" "task" {
  name               = "nightly-batch-task"
  assume_role_policy = local.assume_role_policy
}

resource "aws_iam_role_policy" "fargauge" {
  name   = "fargauge"
  role   = aws_iam_role.task.id
  policy = module.fargauge.task_role_policy
}

resource "aws_iam_role" "execution" {
  name               = "nightly-batch-execution"
  assume_role_policy = local.assume_role_policy
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_ecs_task_definition" "batch" {
  family                   = "nightly-batch"
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "1024"
  memory                   = "2048"
  container_definitions    = module.fargauge.container_definitions

  runtime_platform {
    cpu_architecture        = "X86_64"
    operating_system_family = "LINUX"
  }
}
