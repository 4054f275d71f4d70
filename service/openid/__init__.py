"""OpenID Connect as a client has it: where a provider sends people to sign in, and what its tokens say of whom.

Asks the provider over HTTP within bounds. Who may do what with that, and cookies and pages, are the console's.
"""

from service.openid.client import BegunSignIn, OpenIdClient, OpenIdOptions
from service.openid.values import ProviderFailed, SignedIn, TokenRefused, error_code

__all__ = ["BegunSignIn", "OpenIdClient", "OpenIdOptions", "ProviderFailed", "SignedIn", "TokenRefused", "error_code"]
