// The hub: four partitions are plenty for any activity log, and seven days outlast a long weekend's outage.

param location string
param namespaceName string

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  sku: {
    name: 'Standard'
    tier: 'Standard'
    capacity: 1
  }
  properties: {
    minimumTlsVersion: '1.2'
    // Azure Monitor signs in with the rule below, and knows no other way; the service signs in with Entra.
    disableLocalAuth: false
    // A hub at its limit drops what comes, and nobody sees what was dropped.
    isAutoInflateEnabled: true
    maximumThroughputUnits: 4
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: 'activity-log'
  properties: {
    partitionCount: 4
    retentionDescription: {
      cleanupPolicy: 'Delete'
      retentionTimeInHours: 168
    }
  }
}

resource group 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: hub
  name: 'unwonted'
}

// What Azure Monitor asks for, at the level where it asks for it. Nobody else is given its key.
resource rule 'Microsoft.EventHub/namespaces/authorizationRules@2024-01-01' = {
  parent: namespace
  name: 'azure-monitor'
  properties: {
    rights: [
      'Listen'
      'Manage'
      'Send'
    ]
  }
}

output namespaceName string = namespace.name
output hubName string = hub.name
output consumerGroup string = group.name
output authorizationRuleId string = rule.id
