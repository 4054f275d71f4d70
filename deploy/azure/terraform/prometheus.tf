# The rules of config/prometheus for Azure Monitor's managed Prometheus; none without a workspace. The same as
# deploy/azure/bicep/prometheus.bicep; a test compares them.

variable "azure_monitor_workspace_id" {
  description = "Azure Monitor workspace: az monitor account show --query id; empty for no rules."
  type        = string
  default     = ""
}

variable "azure_monitor_workspace_location" {
  description = "Region of that workspace; the region of everything else if empty."
  type        = string
  default     = ""
}

variable "action_group_id" {
  description = "Action group that alerts call, by its id; empty for none."
  type        = string
  default     = ""
}

locals {
  # Generated from config/prometheus.
  rule_groups = jsondecode(file("${path.module}/../prometheus-rules.json"))
  actions     = var.action_group_id == "" ? [] : [{ actionGroupId = var.action_group_id }]
}

resource "azapi_resource" "rule_groups" {
  for_each  = { for group in local.rule_groups : group.name => group if var.azure_monitor_workspace_id != "" }
  type      = "Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01"
  name      = each.key
  parent_id = azurerm_resource_group.group.id
  location  = coalesce(var.azure_monitor_workspace_location, var.location)
  body = {
    properties = {
      description = "Unwonted: config/prometheus says why each rule is as it is."
      enabled     = true
      interval    = each.value.interval
      scopes      = [var.azure_monitor_workspace_id]
      rules       = [for rule in each.value.rules : can(rule.alert) ? merge(rule, { actions = local.actions }) : rule]
    }
  }
}
