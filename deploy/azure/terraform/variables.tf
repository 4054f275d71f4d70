variable "subscription_id" {
  description = "Subscription that everything is made in, and whose activity log is exported."
  type        = string
}

variable "location" {
  description = "Region of everything here; best the cluster's."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group to make."
  type        = string
  default     = "unwonted"
}

variable "namespace_name" {
  description = "Event Hubs namespace; its name is unique in all of Azure."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]$", var.namespace_name))
    error_message = "namespace_name: 6 to 50 letters, digits and hyphens, beginning with a letter."
  }
}

variable "storage_account_name" {
  description = "Storage account; its name is unique in all of Azure."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.storage_account_name))
    error_message = "storage_account_name: 3 to 24 lower-case letters and digits."
  }
}

variable "oidc_issuer_url" {
  description = "Issuer of the cluster: az aks show --query oidcIssuerProfile.issuerUrl"
  type        = string
  validation {
    condition     = startswith(var.oidc_issuer_url, "https://")
    error_message = "oidc_issuer_url: an address that begins with https://."
  }
}

variable "kubernetes_namespace" {
  description = "Kubernetes namespace of the release."
  type        = string
  default     = "unwonted"
}

variable "service_account_name" {
  description = "Service account of the release."
  type        = string
  default     = "unwonted"
}

variable "export_subscription" {
  description = "Whether this subscription's activity log goes to the hub."
  type        = bool
  default     = true
}

variable "management_group_ids" {
  description = "Management groups whose own activity logs go to the hub, too; by their short ids."
  type        = set(string)
  default     = []
}
