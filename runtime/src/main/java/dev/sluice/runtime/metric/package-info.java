/** How far generated samples are from those they should look like, as plain numbers from host memory. */
package dev.sluice.runtime.metric;
