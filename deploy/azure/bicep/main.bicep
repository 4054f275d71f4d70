// All that Unwonted needs of Azure in one subscription: the hub that the activity log goes to, a place for its state, the
// identity that it signs in with, and the export itself. deploy/azure/terraform describes the same; a test compares them.
//
//   az deployment sub create --location westeurope --template-file deploy/azure/bicep/main.bicep --parameters ...

targetScope = 'subscription'

@description('Region of everything here; best the cluster\'s.')
param location string

@description('Resource group to make.')
param resourceGroupName string = 'unwonted'

@description('Event Hubs namespace; its name is unique in all of Azure.')
@minLength(6)
@maxLength(50)
param namespaceName string

@description('Storage account; its name is unique in all of Azure.')
@minLength(3)
@maxLength(24)
param storageAccountName string

@description('Issuer of the cluster: az aks show --query oidcIssuerProfile.issuerUrl')
param oidcIssuerUrl string

@description('Kubernetes namespace of the release.')
param kubernetesNamespace string = 'unwonted'

@description('Service account of the release.')
param serviceAccountName string = 'unwonted'

@description('Whether this subscription\'s activity log goes to the hub.')
param exportSubscription bool = true

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: resourceGroupName
  location: location
}

module hub 'modules/event-hub.bicep' = {
  name: 'unwonted-event-hub'
  scope: group
  params: {
    location: location
    namespaceName: namespaceName
  }
}

module state 'modules/state.bicep' = {
  name: 'unwonted-state'
  scope: group
  params: {
    location: location
    storageAccountName: storageAccountName
  }
}

module identity 'modules/identity.bicep' = {
  name: 'unwonted-identity'
  scope: group
  params: {
    location: location
    oidcIssuerUrl: oidcIssuerUrl
    kubernetesNamespace: kubernetesNamespace
    serviceAccountName: serviceAccountName
  }
}

module access 'modules/access.bicep' = {
  name: 'unwonted-access'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    namespaceName: hub.outputs.namespaceName
    hubName: hub.outputs.hubName
    storageAccountName: state.outputs.storageAccountName
    containerName: state.outputs.containerName
  }
}

module activityLog 'modules/subscription-export.bicep' = if (exportSubscription) {
  name: 'unwonted-export'
  params: {
    authorizationRuleId: hub.outputs.authorizationRuleId
    hubName: hub.outputs.hubName
  }
}

output namespace string = '${namespaceName}.servicebus.windows.net'
output hub string = hub.outputs.hubName
output consumerGroup string = hub.outputs.consumerGroup
output accountUrl string = state.outputs.accountUrl
output clientId string = identity.outputs.clientId
output authorizationRuleId string = hub.outputs.authorizationRuleId
