/** The sampler: a controller that always answers and a worker on a thread of its own that computes. */
package dev.sluice.actors.sampler;
