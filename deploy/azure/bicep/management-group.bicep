// The activity log of a management group: what is done to the group itself, such as roles and policies assigned to all
// that is below it. No subscription's log has that. It knows these two categories and no other.
//
//   az deployment mg create --management-group-id GROUP --location westeurope \
//     --template-file deploy/azure/bicep/management-group.bicep --parameters authorizationRuleId=...

targetScope = 'managementGroup'

@description('Output authorizationRuleId of main.bicep.')
param authorizationRuleId string

@description('Name of the hub.')
param hubName string = 'activity-log'

resource export 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'unwonted'
  properties: {
    eventHubAuthorizationRuleId: authorizationRuleId
    eventHubName: hubName
    logs: [
      {
        category: 'Administrative'
        enabled: true
      }
      {
        category: 'Policy'
        enabled: true
      }
    ]
  }
}
