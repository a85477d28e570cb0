"""The steps after a leak, in order: deactivate first, then investigate, then clean up.

Source: AWS Security Blog, "What to do if you inadvertently expose an AWS access key"; command shapes from the AWS CLI
reference; history clean-up from the git-filter-repo manual.
"""

ACCESS_KEY = (
    "aws sts get-access-key-info --access-key-id AKID  # whose account; run with your own credentials",
    "aws iam get-access-key-last-used --access-key-id AKID  # user, last service, region, date",
    "aws iam update-access-key --user-name USER --access-key-id AKID --status Inactive  # first: stops use, reversible",
    "aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue=AKID --region"
    " REGION  # what it did; 90 days, each region",
    "replace it: an IAM role or OIDC where possible, else `aws iam create-access-key --user-name USER`",
    "aws iam delete-access-key --user-name USER --access-key-id AKID  # last, once the evidence is saved",
    "git filter-repo --sensitive-data-removal --replace-text expressions.txt  # only after that, in a fresh clone",
)
TEMPORARY = (
    "aws sts get-access-key-info --access-key-id AKID  # whose account; run with your own credentials",
    "aws iam put-role-policy --role-name ROLE --policy-name AWSRevokeOlderSessions --policy-document"
    ' \'{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],'
    '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"NOW"}}}]}\'  # first: ends the sessions issued so far',
    "aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue=AKID --region"
    " REGION  # what it did; 90 days, each region",
    "git filter-repo --sensitive-data-removal --replace-text expressions.txt  # only after that, in a fresh clone",
)
