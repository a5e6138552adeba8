"""IAM truth: which resource and conditions a call is judged on, sessions of roles, and the record of every decision."""
