# The lines of fargauge in log groups, put into OpenSearch or Elasticsearch by a Lambda function as they are written. What
# could not be indexed is kept in a queue for 14 days, with an alarm, and can be replayed.

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
  type        = set(string)
}

variable "package_file" {
  description = "The function's package: a zip with subscription.cjs at its root."
  type        = string
}

variable "opensearch_url" {
  description = "Where the engine is, such as https://search-logs-abc.eu-west-1.es.amazonaws.com"
  type        = string
}

variable "domain_arn" {
  description = "ARN of the domain of Amazon OpenSearch Service, for which requests are signed; null for another engine."
  type        = string
  default     = null
}

variable "secret_arn" {
  description = "Secret of AWS Secrets Manager with username and password, in JSON, for basic authentication."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets in which the function runs, where the engine is in a VPC. From there it has to reach SQS and, with a secret, Secrets Manager."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Its security groups there."
  type        = list(string)
  default     = []
}

variable "others_index_prefix" {
  description = "Keeps what is not of fargauge as well, in indices of this prefix; empty leaves it."
  type        = string
  default     = ""
}

variable "max_concurrency" {
  description = "So many run at once at most, which spares the engine; others wait. A reserved concurrency, taken from the account's: -1 for none, which an account with a low concurrency limit needs."
  type        = number
  default     = 5
}

variable "replay" {
  description = "While true, the function gets what is in the queue. What fails again stays there."
  type        = bool
  default     = false
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told of the alarms."
  type        = list(string)
  default     = []
}

variable "name" {
  type    = string
  default = "fargauge-forwarder"
}

variable "runtime" {
  type    = string
  default = "nodejs22.x"
}

locals {
  # arn:PARTITION:logs:REGION:ACCOUNT:log-group:NAME: nothing else has to be asked for these.
  own_arn    = split(":", aws_cloudwatch_log_group.function.arn)
  region     = local.own_arn[3]
  account_id = local.own_arn[4]
  log_group_arns = {
    for name in var.log_group_names :
    name => "arn:${local.own_arn[1]}:logs:${local.region}:${local.account_id}:log-group:${name}:*"
  }
  filter_pattern = "{ ($.fargaugeVersion = *) && (($.type = \"START\") || ($.type = \"SUMMARY\") || ($.type = \"CONTAINER\") || ($.type = \"REPORT\")) }"
  statements = concat(
    [
      {
        Sid      = "WritesItsLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.function.arn}:*"
      },
      {
        Sid      = "KeepsAndReplaysWhatFailed"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.failures.arn
      },
    ],
    [for arn in compact([var.domain_arn]) : {
      Sid      = "Indexes"
      Effect   = "Allow"
      Action   = ["es:ESHttpPost"]
      Resource = "${arn}/_bulk"
    }],
    [for arn in compact([var.domain_arn]) : {
      Sid      = "PutsTheIndexTemplate"
      Effect   = "Allow"
      Action   = ["es:ESHttpHead", "es:ESHttpPut"]
      Resource = "${arn}/_index_template/fargauge"
    }],
    [for arn in compact([var.secret_arn]) : {
      Sid      = "ReadsThePassword"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = arn
    }],
    # These know no resource (AWS managed policy AWSLambdaVPCAccessExecutionRole).
    [for _ in slice(var.subnet_ids, 0, min(1, length(var.subnet_ids))) : {
      Sid    = "JoinsTheVpc"
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = "*"
    }],
  )
}

resource "aws_sqs_queue" "failures" {
  name = "${var.name}-failures"
  # 14 days, the longest there is.
  message_retention_seconds = 1209600
  # Six times the function's time-out, as Lambda asks of a queue that it polls.
  visibility_timeout_seconds = 720
  sqs_managed_sse_enabled    = true
}

resource "aws_iam_role" "function" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "forwarder" {
  name = "forwarder"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 30
}

resource "aws_lambda_function" "forwarder" {
  function_name                  = var.name
  description                    = "Puts the lines of fargauge into OpenSearch or Elasticsearch."
  filename                       = var.package_file
  source_code_hash               = filebase64sha256(var.package_file)
  handler                        = "subscription.forward"
  runtime                        = var.runtime
  architectures                  = ["arm64"]
  timeout                        = 120
  role                           = aws_iam_role.function.arn
  reserved_concurrent_executions = var.max_concurrency
  # The largest delivery that is unpacked, 64 MiB, was seen to take 470 MB; CPU comes with memory.
  memory_size = 1024

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  environment {
    variables = {
      OPENSEARCH_URL        = var.opensearch_url
      OPENSEARCH_AUTH       = var.secret_arn != null ? "basic" : var.domain_arn != null ? "sigv4" : "none"
      OPENSEARCH_REGION     = local.region
      OPENSEARCH_SECRET_ARN = var.secret_arn != null ? var.secret_arn : ""
      FAILURE_QUEUE_URL     = aws_sqs_queue.failures.url
      OTHERS_INDEX_PREFIX   = var.others_index_prefix
    }
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []
    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.forwarder]
}

# CloudWatch Logs hands a delivery over and hears no more of it: what becomes of one that fails is said here.
resource "aws_lambda_function_event_invoke_config" "failures" {
  function_name                = aws_lambda_function.forwarder.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures.arn
    }
  }
}

resource "aws_lambda_event_source_mapping" "replay" {
  event_source_arn        = aws_sqs_queue.failures.arn
  function_name           = aws_lambda_function.forwarder.arn
  enabled                 = var.replay
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2
  }
}

resource "aws_lambda_permission" "logs" {
  for_each = local.log_group_arns

  function_name  = aws_lambda_function.forwarder.function_name
  action         = "lambda:InvokeFunction"
  principal      = "logs.amazonaws.com"
  source_account = local.account_id
  source_arn     = each.value
}

resource "aws_cloudwatch_log_subscription_filter" "lines" {
  for_each = var.log_group_names

  name            = "fargauge"
  log_group_name  = each.value
  filter_pattern  = var.others_index_prefix == "" ? local.filter_pattern : ""
  destination_arn = aws_lambda_function.forwarder.arn

  depends_on = [aws_lambda_permission.logs, aws_lambda_function_event_invoke_config.failures]
}

resource "aws_cloudwatch_metric_alarm" "failure" {
  alarm_name          = "${var.name}-failures"
  alarm_description   = "Lines of fargauge that could not be indexed are in the queue, each with the reason. This stays until they are replayed or deleted; what comes on top is told by the alarm on new ones."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.failures.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

# The alarm on failures says nothing new while an old message lies there.
resource "aws_cloudwatch_metric_alarm" "new_failure" {
  alarm_name          = "${var.name}-new-failures"
  alarm_description   = "Lines of fargauge could not be indexed in these five minutes. They are in the queue, each with the reason."
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesSent"
  dimensions          = { QueueName = aws_sqs_queue.failures.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

resource "aws_cloudwatch_metric_alarm" "loss" {
  alarm_name          = "${var.name}-losses"
  alarm_description   = "A delivery of lines of fargauge failed to the last and is not in the queue either. The lines are in their log group: fargauge index brings them back."
  namespace           = "AWS/Lambda"
  metric_name         = "DestinationDeliveryFailures"
  dimensions          = { FunctionName = aws_lambda_function.forwarder.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

output "function_arn" {
  value = aws_lambda_function.forwarder.arn
}

output "role_arn" {
  description = "Whom the domain's access policy, or a role of its fine-grained access control, has to let in."
  value       = aws_iam_role.function.arn
}

output "failure_queue_url" {
  value = aws_sqs_queue.failures.url
}
