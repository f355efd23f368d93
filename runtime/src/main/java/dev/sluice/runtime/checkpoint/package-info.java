/**
 * Consistent cuts of a run at cycle boundaries: each trainer's state in a file of its own, and a
 * manifest that is written last. No manifest, no checkpoint.
 */
package dev.sluice.runtime.checkpoint;
