# Adds the fargauge sidecar to a list of container definitions. It makes no resources and needs no provider.

locals {
  # What a typed variable leaves out with optional(...) is null: it counts as not there.
  containers = [for each in var.container_definitions : { for key, value in each : key => value if value != null }]

  essential = [for each in local.containers : each.name if try(each.essential, true)]
  # The log router of FireLens is essential too, but not what the report is about.
  routers    = [for each in local.containers : each.name if try(each.firelensConfiguration, null) != null]
  programs   = [for name in local.essential : name if !contains(local.routers, name)]
  batch_name = var.batch != null ? var.batch : try(local.programs[0], local.essential[0], null)
  # JSON texts instead of values, because containers with different keys have different types.
  batch_json = one([for each in local.containers : jsonencode(each) if each.name == local.batch_name])
  batch      = jsondecode(coalesce(local.batch_json, "{}"))
  batch_log  = try({ for key, value in local.batch.logConfiguration : key => value if value != null }, null)

  # Where the batch's log is; the other options say how the batch writes it.
  place_options = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group", "awslogs-endpoint"]
  awslogs_json = jsonencode({
    logDriver = "awslogs"
    options = merge(
      { for option, value in try(local.batch_log.options, {}) : option => value if value != null && contains(local.place_options, option) },
      { mode = "blocking" },
    )
  })
  is_awslogs = try(local.batch_log.logDriver == "awslogs" && local.batch_log.options["awslogs-group"] != null, false)
  log_json   = local.is_awslogs ? local.awslogs_json : jsonencode(local.batch_log)

  start_after_sidecar = { containerName = "fargauge", condition = "START" }
  start_after_batch   = var.order == "batch-first" ? [{ containerName = local.batch_name, condition = "START" }] : null

  # A weight only beside a batch that has one; the batch is named where another container could be meant.
  sidecar_with_nulls = {
    name              = "fargauge"
    image             = var.image
    essential         = false
    dependsOn         = local.start_after_batch
    cpu               = try(local.batch.cpu, 0) == 0 ? null : 64
    memoryReservation = 64
    stopTimeout       = var.stop_timeout
    environment = concat(
      [{ name = "FARGAUGE_STOP_TIMEOUT_SECONDS", value = tostring(var.stop_timeout) }],
      length(local.containers) > 1 ? [{ name = "FARGAUGE_BATCH", value = local.batch_name }] : [],
      [for name, value in var.environment : { name = name, value = value }],
    )
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    logConfiguration       = jsondecode(local.log_json)
  }
  sidecar = { for key, value in local.sidecar_with_nulls : key => value if value != null }

  others_json = [
    for each in local.containers :
    each.name == local.batch_name && var.order == "sidecar-first"
    ? jsonencode(merge(each, { dependsOn = concat(try(each.dependsOn, []), [local.start_after_sidecar]) }))
    : jsonencode(each)
  ]
  containers_json = concat(local.others_json, [jsonencode(local.sidecar)])
}

# Whom each container waits for, directly, then over 2, 4, 8 and 16 steps: more than there are containers.
locals {
  waits = {
    for each in local.containers_json :
    jsondecode(each).name => try(jsondecode(each).dependsOn[*].containerName, [])
  }
  waits_2  = { for name, others in local.waits : name => distinct(concat(others, [for other in others : try(local.waits[other], [])]...)) }
  waits_4  = { for name, others in local.waits_2 : name => distinct(concat(others, [for other in others : try(local.waits_2[other], [])]...)) }
  waits_8  = { for name, others in local.waits_4 : name => distinct(concat(others, [for other in others : try(local.waits_4[other], [])]...)) }
  waits_16 = { for name, others in local.waits_8 : name => distinct(concat(others, [for other in others : try(local.waits_8[other], [])]...)) }
  circle   = [for name, others in local.waits_16 : name if contains(others, name)]
}
