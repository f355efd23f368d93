/** Pictures of samples for people: one image as PNG, and sheets that show batches of images or points side by side. */
package dev.sluice.runtime.image;
