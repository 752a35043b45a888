"""The rental provider as a Pulumi plugin process, named in Pulumi.yaml."""
