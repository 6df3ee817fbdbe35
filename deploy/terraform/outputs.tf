output "container_definitions" {
  description = "The container definitions with the sidecar, as JSON: for aws_ecs_task_definition.container_definitions."
  value       = "[${join(",", local.containers_json)}]"

  precondition {
    condition     = local.batch_json != null
    error_message = "The batch is none of the containers, or no container is essential."
  }
  precondition {
    condition     = length(local.circle) == 0
    error_message = "dependsOn leads back to its start among these containers: ${join(", ", local.circle)}."
  }
}

output "task_role_policy" {
  description = "What the task role must allow so that the sidecar can write into the batch's log group, as JSON."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "FargaugeWritesItsLines"
      Effect = "Allow"
      Action = concat(
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        lookup(var.environment, "FARGAUGE_CREATE_LOG_GROUP", "false") == "true" ? ["logs:CreateLogGroup"] : [],
      )
      Resource = "${trimsuffix(var.log_group_arn, ":*")}:*"
    }]
  })
}
