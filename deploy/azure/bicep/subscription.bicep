// One more subscription's activity log to a hub that exists: deploy it to each subscription that main.bicep was not.
//
//   az deployment sub create --subscription OTHER --location westeurope \
//     --template-file deploy/azure/bicep/subscription.bicep --parameters authorizationRuleId=...

targetScope = 'subscription'

@description('Output authorizationRuleId of main.bicep.')
param authorizationRuleId string

@description('Name of the hub.')
param hubName string = 'activity-log'

module activityLog 'modules/subscription-export.bicep' = {
  name: 'unwonted-export'
  params: {
    authorizationRuleId: authorizationRuleId
    hubName: hubName
  }
}
