// Where alerts become rows for Microsoft Sentinel: the table, the way into it, and the right to use that way. Deploy it
// to the resource group of Sentinel's workspace.
//
//   az deployment group create --resource-group soc --template-file deploy/azure/bicep/sentinel.bicep --parameters ...

targetScope = 'resourceGroup'

@description('Log Analytics workspace that Sentinel is on, in this resource group.')
param workspaceName string

@description('Object id of the service\'s identity: az identity show -n unwonted -g unwonted --query principalId')
param principalId string

@description('Region of the workspace.')
param location string = resourceGroup().location

@description('How long alerts are kept, in days.')
@minValue(4)
@maxValue(730)
param retentionInDays int = 365

// Generated from the code that writes the rows (service/sinks/sentinel/columns.py).
var columns = loadJsonContent('../sentinel-columns.json')
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource table 'Microsoft.OperationalInsights/workspaces/tables@2023-09-01' = {
  parent: workspace
  name: 'UnwontedAlerts_CL'
  properties: {
    plan: 'Analytics'
    retentionInDays: retentionInDays
    schema: {
      name: 'UnwontedAlerts_CL'
      columns: columns.table
    }
  }
}

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2023-03-11' = {
  name: 'unwonted'
  location: location
  properties: {
    networkAcls: {
      publicNetworkAccess: 'Enabled'
    }
  }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'unwonted'
  location: location
  properties: {
    dataCollectionEndpointId: endpoint.id
    streamDeclarations: {
      'Custom-UnwontedAlerts_CL': {
        columns: columns.stream
      }
    }
    destinations: {
      logAnalytics: [
        {
          workspaceResourceId: workspace.id
          name: 'sentinel'
        }
      ]
    }
    dataFlows: [
      {
        streams: [
          'Custom-UnwontedAlerts_CL'
        ]
        destinations: [
          'sentinel'
        ]
        transformKql: 'source'
        outputStream: 'Custom-UnwontedAlerts_CL'
      }
    ]
  }
  dependsOn: [
    table
  ]
}

resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(rule.id, principalId, monitoringMetricsPublisher)
  scope: rule
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
  }
}

output endpoint string = endpoint.properties.logsIngestion.endpoint
output ruleId string = rule.properties.immutableId
