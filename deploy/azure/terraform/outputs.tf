output "namespace" {
  description = "config.event_hub.namespace of the chart."
  value       = "${azurerm_eventhub_namespace.namespace.name}.servicebus.windows.net"
}

output "hub" {
  description = "config.event_hub.hub of the chart."
  value       = azurerm_eventhub.hub.name
}

output "consumer_group" {
  description = "config.event_hub.consumer_group of the chart."
  value       = azurerm_eventhub_consumer_group.group.name
}

output "account_url" {
  description = "config.snapshots.account_url of the chart."
  value       = trimsuffix(azurerm_storage_account.account.primary_blob_endpoint, "/")
}

output "client_id" {
  description = "workloadIdentity.clientId of the chart."
  value       = azurerm_user_assigned_identity.identity.client_id
}

output "authorization_rule_id" {
  description = "For the export of further subscriptions and management groups."
  value       = azurerm_eventhub_namespace_authorization_rule.rule.id
}
