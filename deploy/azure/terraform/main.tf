# The same as deploy/azure/bicep, resource for resource; a test compares them. Why each is as it is stands there.

resource "azurerm_resource_group" "group" {
  name     = var.resource_group_name
  location = var.location
}

# --- the hub ---

resource "azurerm_eventhub_namespace" "namespace" {
  name                     = var.namespace_name
  resource_group_name      = azurerm_resource_group.group.name
  location                 = azurerm_resource_group.group.location
  sku                      = "Standard"
  capacity                 = 1
  auto_inflate_enabled     = true
  maximum_throughput_units = 4
  minimum_tls_version      = "1.2"
  # Azure Monitor signs in with the rule below, and knows no other way.
  local_authentication_enabled = true
}

resource "azurerm_eventhub" "hub" {
  name              = "activity-log"
  namespace_id      = azurerm_eventhub_namespace.namespace.id
  partition_count   = 4
  message_retention = 7
}

resource "azurerm_eventhub_consumer_group" "group" {
  name                = "unwonted"
  resource_group_name = azurerm_resource_group.group.name
  namespace_name      = azurerm_eventhub_namespace.namespace.name
  eventhub_name       = azurerm_eventhub.hub.name
}

resource "azurerm_eventhub_namespace_authorization_rule" "rule" {
  name                = "azure-monitor"
  resource_group_name = azurerm_resource_group.group.name
  namespace_name      = azurerm_eventhub_namespace.namespace.name
  listen              = true
  manage              = true
  send                = true
}

# --- the state ---

resource "azurerm_storage_account" "account" {
  name                            = var.storage_account_name
  resource_group_name             = azurerm_resource_group.group.name
  location                        = azurerm_resource_group.group.location
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = "ZRS"
  allow_nested_items_to_be_public = false
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  # No blob_properties: soft delete stays off, because a snapshot is replaced every minute.
}

resource "azurerm_storage_container" "container" {
  name                  = "unwonted"
  storage_account_id    = azurerm_storage_account.account.id
  container_access_type = "private"
}

# --- the identity ---

resource "azurerm_user_assigned_identity" "identity" {
  name                = "unwonted"
  resource_group_name = azurerm_resource_group.group.name
  location            = azurerm_resource_group.group.location
}

resource "azurerm_federated_identity_credential" "credential" {
  name                = "unwonted"
  resource_group_name = azurerm_resource_group.group.name
  parent_id           = azurerm_user_assigned_identity.identity.id
  issuer              = var.oidc_issuer_url
  subject             = "system:serviceaccount:${var.kubernetes_namespace}:${var.service_account_name}"
  audience            = ["api://AzureADTokenExchange"]
}

# --- what it may do ---

locals {
  event_hubs_data_receiver      = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"
  storage_blob_data_contributor = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
  role_definitions              = "/subscriptions/${var.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
}

resource "azurerm_role_assignment" "read" {
  scope              = azurerm_eventhub.hub.id
  principal_id       = azurerm_user_assigned_identity.identity.principal_id
  principal_type     = "ServicePrincipal"
  role_definition_id = "${local.role_definitions}/${local.event_hubs_data_receiver}"
}

resource "azurerm_role_assignment" "write" {
  scope              = azurerm_storage_container.container.id
  principal_id       = azurerm_user_assigned_identity.identity.principal_id
  principal_type     = "ServicePrincipal"
  role_definition_id = "${local.role_definitions}/${local.storage_blob_data_contributor}"
}

# --- the export ---

resource "azurerm_monitor_diagnostic_setting" "export" {
  count                          = var.export_subscription ? 1 : 0
  name                           = "unwonted"
  target_resource_id             = "/subscriptions/${var.subscription_id}"
  eventhub_authorization_rule_id = azurerm_eventhub_namespace_authorization_rule.rule.id
  eventhub_name                  = azurerm_eventhub.hub.name

  enabled_log {
    category = "Administrative"
  }

  enabled_log {
    category = "Policy"
  }
}

# azurerm's own resource takes no management group.
resource "azapi_resource" "management_group_export" {
  for_each  = var.management_group_ids
  type      = "Microsoft.Insights/diagnosticSettings@2021-05-01-preview"
  name      = "unwonted"
  parent_id = "/providers/Microsoft.Management/managementGroups/${each.value}"
  body = {
    properties = {
      eventHubAuthorizationRuleId = azurerm_eventhub_namespace_authorization_rule.rule.id
      eventHubName                = azurerm_eventhub.hub.name
      logs = [
        { category = "Administrative", enabled = true },
        { category = "Policy", enabled = true },
      ]
    }
  }
}
