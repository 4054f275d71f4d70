# Where alerts become rows for Microsoft Sentinel: the table, the way into it, and the right to use that way; none without
# a workspace. The same as deploy/azure/bicep/sentinel.bicep; a test compares them.

variable "sentinel_workspace_id" {
  description = "Log Analytics workspace that Sentinel is on, by its id; empty for none of this."
  type        = string
  default     = ""
}

variable "sentinel_location" {
  description = "Region of that workspace; the region of everything else if empty."
  type        = string
  default     = ""
}

variable "sentinel_retention_days" {
  description = "How long alerts are kept there, in days."
  type        = number
  default     = 365
  validation {
    condition     = var.sentinel_retention_days >= 4 && var.sentinel_retention_days <= 730
    error_message = "sentinel_retention_days: 4 to 730."
  }
}

locals {
  # Generated from the code that writes the rows (service/sinks/sentinel/columns.py).
  sentinel_columns             = jsondecode(file("${path.module}/../sentinel-columns.json"))
  sentinel                     = var.sentinel_workspace_id == "" ? 0 : 1
  monitoring_metrics_publisher = "3913510d-42f4-4e42-8a64-420c390055eb"
}

resource "azapi_resource" "sentinel_table" {
  count     = local.sentinel
  type      = "Microsoft.OperationalInsights/workspaces/tables@2023-09-01"
  name      = "UnwontedAlerts_CL"
  parent_id = var.sentinel_workspace_id
  body = {
    properties = {
      plan            = "Analytics"
      retentionInDays = var.sentinel_retention_days
      schema = {
        name    = "UnwontedAlerts_CL"
        columns = local.sentinel_columns.table
      }
    }
  }
}

resource "azapi_resource" "sentinel_endpoint" {
  count     = local.sentinel
  type      = "Microsoft.Insights/dataCollectionEndpoints@2023-03-11"
  name      = "unwonted"
  parent_id = azurerm_resource_group.group.id
  location  = coalesce(var.sentinel_location, var.location)
  body = {
    properties = {
      networkAcls = {
        publicNetworkAccess = "Enabled"
      }
    }
  }
  response_export_values = ["properties.logsIngestion.endpoint"]
}

resource "azapi_resource" "sentinel_rule" {
  count     = local.sentinel
  type      = "Microsoft.Insights/dataCollectionRules@2023-03-11"
  name      = "unwonted"
  parent_id = azurerm_resource_group.group.id
  location  = coalesce(var.sentinel_location, var.location)
  body = {
    properties = {
      dataCollectionEndpointId = azapi_resource.sentinel_endpoint[0].id
      streamDeclarations = {
        "Custom-UnwontedAlerts_CL" = {
          columns = local.sentinel_columns.stream
        }
      }
      destinations = {
        logAnalytics = [
          {
            workspaceResourceId = var.sentinel_workspace_id
            name                = "sentinel"
          }
        ]
      }
      dataFlows = [
        {
          streams      = ["Custom-UnwontedAlerts_CL"]
          destinations = ["sentinel"]
          transformKql = "source"
          outputStream = "Custom-UnwontedAlerts_CL"
        }
      ]
    }
  }
  response_export_values = ["properties.immutableId"]
  depends_on             = [azapi_resource.sentinel_table]
}

resource "azurerm_role_assignment" "sentinel_send" {
  count              = local.sentinel
  scope              = azapi_resource.sentinel_rule[0].id
  principal_id       = azurerm_user_assigned_identity.identity.principal_id
  principal_type     = "ServicePrincipal"
  role_definition_id = "/subscriptions/${var.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/${local.monitoring_metrics_publisher}"
}

output "sentinel_endpoint" {
  description = "endpoint of the sentinel sink; empty without a workspace."
  value       = one(azapi_resource.sentinel_endpoint[*].output.properties.logsIngestion.endpoint)
}

output "sentinel_rule_id" {
  description = "rule_id of the sentinel sink; empty without a workspace."
  value       = one(azapi_resource.sentinel_rule[*].output.properties.immutableId)
}
