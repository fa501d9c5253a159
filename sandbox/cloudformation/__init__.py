"""CloudFormation: templates, intrinsic functions, the engine that runs stacks side by side, change sets, drift."""
