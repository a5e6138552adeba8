"""The lane `kubernetes`: a pod on an EKS cluster that is there already.

`import kubernetes` in here is the client library: this folder is `lanes.kubernetes`.
"""
