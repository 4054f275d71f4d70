// Where the snapshots go. They name identities and their habits: no public access, no keys.

param location string
param storageAccountName string

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: storageAccountName
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    // A snapshot is replaced every minute, and the service keeps the one before by itself: soft delete would keep a
    // thousand a day, and with them whatever somebody asked to have forgotten.
    deleteRetentionPolicy: {
      enabled: false
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'unwonted'
  properties: {
    publicAccess: 'None'
  }
}

output storageAccountName string = account.name
output containerName string = container.name
output accountUrl string = 'https://${account.name}.blob.${environment().suffixes.storage}'
