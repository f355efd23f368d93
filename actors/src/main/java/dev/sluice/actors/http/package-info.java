/** The HTTP API: OpenAI-compatible generations and models, liveness and readiness. */
package dev.sluice.actors.http;
