/** The sampler: a controller that always answers and a worker on a thread of its own that computes (contract S). */
package dev.sluice.actors.sampler;
