/** A process of the cluster: which roles it runs, and how they are found. */
package dev.sluice.actors.node;
