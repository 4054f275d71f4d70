// The activity log of the subscription that this is deployed to. Administrative is what identities do; Policy holds what
// policies made of it. The other categories are nobody's doing, and the service would leave them out.

targetScope = 'subscription'

param authorizationRuleId string
param hubName string

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
