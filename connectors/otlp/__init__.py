"""Traces for an OpenTelemetry collector (OTLP over HTTP). Needs the extra ``traces``."""
