package dev.sluice;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.CanBeAnnotated.Predicates.annotatedWith;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The floors of the house: imports go down only (docs/architecture.md). */
@AnalyzeClasses(packages = "dev.sluice", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule importsGoDownOnly = layeredArchitecture()
            .consideringOnlyDependenciesInAnyPackage("dev.sluice..")
            .layer("actors")
            .definedBy("dev.sluice.actors..")
            .layer("runtime")
            .definedBy("dev.sluice.runtime..")
            .layer("monitoring")
            .definedBy("dev.sluice.monitoring..")
            .layer("config")
            .definedBy("dev.sluice.config..")
            .layer("protocol")
            .definedBy("dev.sluice.protocol..")
            .whereLayer("actors")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("runtime")
            .mayOnlyBeAccessedByLayers("actors")
            .whereLayer("monitoring")
            .mayOnlyBeAccessedByLayers("actors")
            .whereLayer("config")
            .mayOnlyBeAccessedByLayers("actors");

    @ArchTest
    static final ArchRule theMathsKnowsNoActors = noClasses()
            .that()
            .resideInAPackage("dev.sluice.runtime..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.apache.pekko..");

    /** Pekko's internals change with any version of it. */
    @ArchTest
    static final ArchRule onlyThePublicApiOfPekko = noClasses()
            .should()
            .dependOnClassesThat(resideInAnyPackage("org.apache.pekko..impl..", "org.apache.pekko..internal..")
                    .or(annotatedWith("org.apache.pekko.annotation.InternalApi"))
                    .or(name("org.apache.pekko.actor.ActorCell")));

    @ArchTest
    static final ArchRule theEngineStaysInNetworks = noClasses()
            .that()
            .resideOutsideOfPackage("dev.sluice.runtime.network..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("ai.djl..");

    @ArchTest
    static final ArchRule onlyOneClassReachesBelowDjlsPublicApi = noClasses()
            .that()
            .doNotHaveFullyQualifiedName("dev.sluice.runtime.network.LibTorch")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("ai.djl.pytorch.jni..");

    @ArchTest
    static final ArchRule roomsOfRuntimeHaveNoCycles =
            slices().matching("dev.sluice.runtime.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule roomsOfActorsHaveNoCycles =
            slices().matching("dev.sluice.actors.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule noJavaSerialization =
            noClasses().should().dependOnClassesThat().belongToAnyOf(java.io.ObjectInputStream.class);
}
