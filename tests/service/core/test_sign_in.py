"""What azure-identity says in ten lines is one line about the credential that was meant."""

import pytest
from azure.core.exceptions import ClientAuthenticationError

from service.core.sign_in import sign_in_problem

CHAIN = """\
DefaultAzureCredential failed to retrieve a token from the included credentials.
Attempted credentials:
{}
To mitigate this issue, please refer to the troubleshooting guidelines here at https://aka.ms/azsdk/x/troubleshoot."""
ENVIRONMENT = """\
\tEnvironmentCredential: EnvironmentCredential authentication unavailable. Environment variables are not fully \
configured.
Visit https://aka.ms/azsdk/python/identity/environmentcredential/troubleshoot to troubleshoot this issue."""
NO_WORKLOAD = (
    "\tWorkloadIdentityCredential: WorkloadIdentityCredential authentication unavailable. The workload options are not "
    "fully configured. See the troubleshooting guide for more information: https://aka.ms/azsdk/x/troubleshoot. "
    "Missing required arguments: 'tenant_id', 'client_id', 'token_file_path'."
)
HALF_A_WORKLOAD = NO_WORKLOAD.replace("'tenant_id', 'client_id', 'token_file_path'", "'client_id'")
NO_MACHINE = (
    "\tManagedIdentityCredential: ManagedIdentityCredential authentication unavailable, no response from the IMDS "
    "endpoint."
)
OTHERS = """\
\tSharedTokenCacheCredential: SharedTokenCacheCredential authentication unavailable. No accounts were found in the \
cache.
\tVisualStudioCodeCredential: VisualStudioCodeCredential requires the 'azure-identity-broker' package to be installed. \
You must also ensure you have the Azure Resources extension installed and have signed in to Azure via Visual Studio \
Code."""
NO_TOOLS = """\
\tAzureCliCredential: Azure CLI not found on path
\tAzurePowerShellCredential: PowerShell is not installed
\tAzureDeveloperCliCredential: Azure Developer CLI could not be found. Please visit https://aka.ms/azure-dev for \
installation instructions and then,once installed, authenticate to your Azure account using 'azd auth login'."""
REFUSED = (
    "\tWorkloadIdentityCredential: Authentication failed: AADSTS700016: Application with identifier 'b0b' was not "
    "found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator "
    'of the tenant. Trace ID: 01 Correlation ID: 02 Timestamp: 2026-03-01 08:00:00Z\nContent: {"error":"x"}'
)


def chain(*attempts: str) -> ClientAuthenticationError:
    return ClientAuthenticationError(CHAIN.format("\n".join(attempts)))


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        (
            [ENVIRONMENT, REFUSED],
            (
                "WorkloadIdentityCredential: Authentication failed: AADSTS700016: Application with identifier 'b0b' "
                "was not found in the directory 'Contoso'. This can happen if the application has not been installed "
                "by the administrator of the tenant."
            ),
        ),
        (
            [ENVIRONMENT, "\tWorkloadIdentityCredential: [Errno 2] No such file or directory: '/var/run/token'"],
            "WorkloadIdentityCredential: [Errno 2] No such file or directory: '/var/run/token'",
        ),
        (
            [ENVIRONMENT, HALF_A_WORKLOAD, NO_MACHINE, OTHERS, NO_TOOLS],
            (
                "WorkloadIdentityCredential: authentication unavailable. The workload options are not fully "
                "configured. Missing required arguments: 'client_id'."
            ),
        ),
        (
            [
                ENVIRONMENT,
                NO_WORKLOAD,
                (
                    "\tManagedIdentityCredential: ManagedIdentityCredential authentication unavailable. The requested "
                    "identity has not been assigned to this resource."
                ),
                NO_TOOLS,
            ],
            (
                "ManagedIdentityCredential: authentication unavailable. The requested identity has not been assigned "
                "to this resource."
            ),
        ),
        (
            [ENVIRONMENT, NO_WORKLOAD, NO_MACHINE, "\tAzureCliCredential: Please run 'az login' to set up an account"],
            "AzureCliCredential: Please run 'az login' to set up an account",
        ),
        (
            [ENVIRONMENT, NO_WORKLOAD, NO_MACHINE, OTHERS, NO_TOOLS],
            (
                "there is nothing to sign in with here: no workload identity, no managed identity, no AZURE_CLIENT_ID "
                "with a secret or certificate, and no Azure CLI"
            ),
        ),
    ],
)
def test_the_credential_that_was_meant_is_told_in_one_line(attempts: list[str], said: str) -> None:
    assert sign_in_problem(chain(*attempts)) == said


def test_a_single_credential_is_named_and_a_file_that_is_missing_too() -> None:
    missing = FileNotFoundError(2, "No such file or directory", "/var/run/token")
    assert sign_in_problem(missing, "WorkloadIdentityCredential") == (
        "WorkloadIdentityCredential: No such file or directory: /var/run/token"
    )
    assert sign_in_problem(KeyError(), "WorkloadIdentityCredential") == "WorkloadIdentityCredential: KeyError"


def test_what_is_too_long_ends_with_a_whole_word() -> None:
    said = sign_in_problem(ClientAuthenticationError("lengthy words " * 100))
    assert len(said) <= 400
    assert said.endswith((" lengthy …", " words …"))
