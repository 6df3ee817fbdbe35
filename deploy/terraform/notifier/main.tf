# Tells Slack how tasks ended: an EventBridge rule for stopped tasks, the function that makes notices of them with the
# figures of their REPORT, and a queue with an alarm for events that could not be told.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.32"
    }
  }
}

variable "name" {
  description = "Name of the function, and the beginning of the other names."
  type        = string
  default     = "fargauge-notifier"
}

variable "package_file" {
  description = "The function's package: a zip with dist/notifier.cjs."
  type        = string
}

variable "secret_arn" {
  description = "The secret of Secrets Manager, or the parameter of Systems Manager, that holds the bot token or the webhooks."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:(secretsmanager:[^:]+:\\d{12}:secret:|ssm:[^:]+:\\d{12}:parameter/)\\S+$", var.secret_arn))
    error_message = "It must be the ARN of a secret of Secrets Manager, or of a parameter of Systems Manager."
  }
}

variable "secret_key_arn" {
  description = "The KMS key of the secret, where it is not AWS's own."
  type        = string
  default     = null
}

variable "success_channel" {
  description = "Channel for notices of success; empty for none, and with webhooks."
  type        = string
  default     = ""
}

variable "failure_channel" {
  description = "Channel for notices of failed and of stopped runs; empty for none, and with webhooks."
  type        = string
  default     = ""
}

variable "failure_mention" {
  description = "Who is mentioned when a run failed: here, channel, everyone, or the id of a user or a user group; empty for nobody."
  type        = string
  default     = ""
}

variable "families" {
  description = "Families of task definitions whose runs are told; an asterisk stands for any characters, an exclamation mark leaves out. Lambda takes 4 KB of variables."
  type        = list(string)
  default     = ["*"]

  validation {
    condition     = length(var.families) > 0 && alltrue([for family in var.families : can(regex("^!?[A-Za-z0-9_*-]+$", family))])
    error_message = "Each must be the name of a family, with * for any characters and ! before it to leave it out."
  }
}

variable "log_group_arns" {
  description = "The log groups that hold the REPORT lines; an asterisk in a name stands for any characters."
  type        = list(string)
}

variable "report_wait_seconds" {
  description = "How long a run's REPORT is waited for."
  type        = number
  default     = 20

  validation {
    condition     = contains(range(41), var.report_wait_seconds)
    error_message = "It must be a whole number from 0 to 40."
  }
}

variable "log_retention_days" {
  description = "How long the function's own log is kept."
  type        = number
  default     = 30
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told when an event could not be told to Slack."
  type        = list(string)
  default     = []
}

resource "aws_cloudwatch_event_rule" "stopped" {
  name        = var.name
  description = "Tasks that have stopped, but for those of services."
  # The function picks the families: EventBridge refuses four patterns with asterisks as too complex.
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      lastStatus = ["STOPPED"]
      group      = [{ anything-but = { prefix = "service:" } }]
    }
  })
}

resource "aws_cloudwatch_event_target" "notifier" {
  rule      = aws_cloudwatch_event_rule.stopped.name
  target_id = "notifier"
  arn       = aws_lambda_function.notifier.arn

  # The function is invoked asynchronously: this is about events that do not even reach Lambda.
  retry_policy {
    maximum_retry_attempts       = 20
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_lambda_permission" "rule" {
  statement_id  = "rule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.notifier.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.stopped.arn
}

resource "aws_lambda_function" "notifier" {
  function_name    = var.name
  description      = "Tells Slack how tasks ended."
  runtime          = "nodejs22.x"
  architectures    = ["arm64"]
  handler          = "notifier.notify"
  filename         = var.package_file
  source_code_hash = filebase64sha256(var.package_file)
  role             = aws_iam_role.notifier.arn
  # The wait for the REPORT, and what Slack may want while it throttles.
  timeout     = 60
  memory_size = 256

  logging_config {
    log_group  = aws_cloudwatch_log_group.notifier.name
    log_format = "JSON"
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  environment {
    variables = {
      FARGAUGE_SLACK_SECRET_ARN      = var.secret_arn
      FARGAUGE_SLACK_SUCCESS_CHANNEL = var.success_channel
      FARGAUGE_SLACK_FAILURE_CHANNEL = var.failure_channel
      FARGAUGE_SLACK_FAILURE_MENTION = var.failure_mention
      FARGAUGE_SLACK_FAMILIES        = join(",", var.families)
      FARGAUGE_REPORT_WAIT_SECONDS   = var.report_wait_seconds
    }
  }

  # Lambda refuses a queue that the role may not write to.
  depends_on = [aws_iam_role_policy.notifier]
}

resource "aws_lambda_function_event_invoke_config" "notifier" {
  function_name = aws_lambda_function.notifier.function_name
  # After one minute, then after two; then the event goes to the queue.
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600
}

resource "aws_cloudwatch_log_group" "notifier" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "notifier" {
  name_prefix = substr(var.name, 0, 38)
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "notifier" {
  name = "notifier"
  role = aws_iam_role.notifier.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "WritesItsOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.notifier.arn}:*"
      },
      {
        Sid    = "ReadsTheSecret"
        Effect = "Allow"
        # The ARN is of the one or of the other.
        Action   = ["secretsmanager:GetSecretValue", "ssm:GetParameter"]
        Resource = var.secret_arn
      },
      {
        Sid    = "FindsTheLogStream"
        Effect = "Allow"
        Action = "ecs:DescribeTaskDefinition"
        # ECS knows no resource for this action.
        Resource = "*"
      },
      {
        Sid      = "ReadsTheReport"
        Effect   = "Allow"
        Action   = "logs:GetLogEvents"
        Resource = [for arn in var.log_group_arns : "${trimsuffix(arn, ":*")}:log-stream:*"]
      },
      {
        Sid      = "KeepsWhatCouldNotBeTold"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.dead_letters.arn
      },
      ],
      var.secret_key_arn == null ? [] : [{
        Sid      = "DecryptsTheSecret"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.secret_key_arn
    }])
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RuleKeepsWhatCouldNotBeDelivered"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.dead_letters.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.stopped.arn } }
    }]
  })
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "An event of a stopped task could not be told to Slack. It is in ${aws_sqs_queue.dead_letters.name}; why stands in the log group ${aws_cloudwatch_log_group.notifier.name}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

output "function_name" {
  value = aws_lambda_function.notifier.function_name
}

output "dead_letter_queue_url" {
  value = aws_sqs_queue.dead_letters.url
}
