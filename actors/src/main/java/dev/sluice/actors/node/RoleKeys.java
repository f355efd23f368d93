package dev.sluice.actors.node;

import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.TeacherMessage;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/** Under which keys the roles register with the receptionist, so that nobody needs to know where they run. */
public final class RoleKeys {
    public static final ServiceKey<GeneratorMessage> GENERATOR = ServiceKey.create(GeneratorMessage.class, "generator");
    public static final ServiceKey<CriticMessage> CRITIC = ServiceKey.create(CriticMessage.class, "critic");
    public static final ServiceKey<TeacherMessage> TEACHER = ServiceKey.create(TeacherMessage.class, "teacher");
    public static final ServiceKey<SamplerMessage> SAMPLER = ServiceKey.create(SamplerMessage.class, "sampler");

    private RoleKeys() {}
}
