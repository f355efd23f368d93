/** By what the actors of a cluster find one another. */
package dev.sluice.actors.discovery;
