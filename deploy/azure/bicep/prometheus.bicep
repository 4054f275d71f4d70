// The rules of config/prometheus for Azure Monitor's managed Prometheus. Deploy it to the resource group of the Azure
// Monitor workspace that the cluster's metrics go to.
//
//   az deployment group create --resource-group monitoring --template-file deploy/azure/bicep/prometheus.bicep --parameters ...

targetScope = 'resourceGroup'

@description('Azure Monitor workspace: az monitor account show --query id')
param azureMonitorWorkspaceId string

@description('Action group that alerts call, by its id; empty for none.')
param actionGroupId string = ''

@description('Region of the workspace.')
param location string = resourceGroup().location

// Generated from config/prometheus.
var groups = loadJsonContent('../prometheus-rules.json')
var actions = empty(actionGroupId) ? [] : [
  {
    actionGroupId: actionGroupId
  }
]

resource ruleGroups 'Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01' = [for group in groups: {
  name: group.name
  location: location
  properties: {
    description: 'Unwonted: config/prometheus says why each rule is as it is.'
    enabled: true
    interval: group.interval
    scopes: [
      azureMonitorWorkspaceId
    ]
    rules: [for rule in group.rules: contains(rule, 'alert') ? union(rule, { actions: actions }) : rule]
  }
}]
