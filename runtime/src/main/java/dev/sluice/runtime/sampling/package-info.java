/**
 * Sampling with whatever is finished: experts for their own phases, the teacher for the rest, and how a
 * mixture is loaded beside the one that serves.
 */
package dev.sluice.runtime.sampling;
