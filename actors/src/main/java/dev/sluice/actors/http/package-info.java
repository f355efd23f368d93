/** The HTTP API: OpenAI-compatible generations and models, liveness and readiness (contract S1, S2, S6). */
package dev.sluice.actors.http;
