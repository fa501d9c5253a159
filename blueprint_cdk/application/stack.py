"""The stack of an Application. It composes constructs and passes on what these need; no more."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from blueprint_cdk.application.checks import Check, ImageBuild, Release
from blueprint_cdk.application.findings import Findings
from blueprint_cdk.application.keeping import Artifacts, DeliveryKey, Place, Registry
from blueprint_cdk.application.pipeline import Pipeline
from blueprint_cdk.application.source import Connection, Repository
from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.aws_roles import application_parts, application_roles
from blueprint_cdk.constructs.people import PeoplesRole
from blueprint_cdk.stacks import synthesizer


class DeliveryStack(cdk.Stack):
    def __init__(self, scope: Construct, spec: ApplicationSpec) -> None:
        name = spec.named("stack")
        super().__init__(
            scope,
            name,
            stack_name=name,
            description=f"Switchyard application {spec.name}-{spec.suffix}: repository, pipeline, registry",
            env=cdk.Environment(account=spec.account_id, region=spec.region),
            synthesizer=synthesizer(spec.account_id, spec.region),
            termination_protection=spec.deletion_protection,
        )
        key = DeliveryKey(self, "Key", spec=spec)
        artifacts = Artifacts(self, "Artifacts", key=key.key)
        registry = Registry(self, "Registry", spec=spec, key=key.key)
        findings = Findings(self, "Findings", spec=spec, key=key.key, registry_arn=registry.arn)
        source: Repository | Connection = (
            Connection(self, "Connection", spec=spec)
            if spec.source == "github"
            else Repository(self, "Repository", spec=spec, key=key.key)
        )
        place = Place(spec, key.key, artifacts.bucket)
        pipeline = Pipeline(
            self,
            "Pipeline",
            place=place,
            source=source,
            secrets=Check(self, "Secrets", place=place, function="secrets"),
            quality=Check(self, "Quality", place=place, function="quality"),
            image=ImageBuild(self, "Image", place=place, registry=registry),
            release=Release(self, "Release", place=place, registry=registry),
            registry=registry,
            topic_arn=findings.topic_arn,
        )
        parts = application_parts()
        for role in application_roles(spec.source):
            PeoplesRole(
                self,
                role.title,
                role=role,
                parts=parts,
                prefix=spec.prefix,
                account_id=spec.account_id,
                regions=[spec.region],
            )
        source.starts(pipeline.resource, pipeline.arn)
        findings.watch(pipeline.resource.ref)
        for id, value, description in (
            ("RepositoryUrl", source.clone_url, "Where the code is cloned from"),
            ("PipelineName", pipeline.resource.ref, "The pipeline"),
            ("RegistryName", registry.resource.ref, "The registry of images"),
            ("RegistryUri", registry.uri, "What images are pulled by, before the digest"),
            ("ArtifactsBucket", artifacts.bucket.bucket_name, "Artifacts of the pipeline, SBOMs among them"),
            ("FindingsTopicArn", findings.topic_arn, "Topic of findings, failed runs and waiting approvals"),
            ("DeliveryKeyArn", key.key.key_arn, "The key of repository, images, artifacts and logs"),
            *((("ConnectionArn", source.arn, "Connection to GitHub"),) if spec.source == "github" else ()),
        ):
            cdk.CfnOutput(self, id, value=value, description=description)
