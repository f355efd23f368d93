/**
 * Sampling with whatever is finished: experts for their own phases, the teacher for the rest (contract S8), and how a
 * mixture is loaded beside the one that serves (contract S7).
 */
package dev.sluice.runtime.sampling;
