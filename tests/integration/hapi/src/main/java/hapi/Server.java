package hapi;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.interceptor.CorsInterceptor;
import ca.uhn.fhir.rest.server.interceptor.LoggingInterceptor;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import java.io.File;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/** A HAPI FHIR R4 JPA server that only this machine can reach: java -Dhapi.port=8081 -Dhapi.data=FOLDER hapi.Server */
public final class Server {

    private Server() {}

    public static void main(String[] arguments) throws Exception {
        int port = Integer.getInteger("hapi.port");
        AnnotationConfigApplicationContext beans = new AnnotationConfigApplicationContext(Configuration.class);
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(System.getProperty("hapi.data"));
        tomcat.setPort(port);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        Context context = tomcat.addContext("", new File(".").getAbsolutePath());
        Tomcat.addServlet(context, "fhir", fhir(beans)).setLoadOnStartup(1);
        context.addServletMappingDecoded("/fhir/*", "fhir");
        tomcat.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(tomcat, beans)));
        System.out.println("HAPI FHIR is ready at http://127.0.0.1:" + port + "/fhir");
        tomcat.getServer().await();
    }

    private static RestfulServer fhir(ApplicationContext beans) {
        IFhirSystemDao<?, ?> system = beans.getBean(IFhirSystemDao.class);
        RestfulServer server = new RestfulServer(system.getContext());
        server.registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
        server.registerProvider(beans.getBean(IJpaSystemProvider.class));
        server.setServerConformanceProvider(new JpaCapabilityStatementProvider(
                server,
                system,
                beans.getBean(JpaStorageSettings.class),
                beans.getBean(ISearchParamRegistry.class),
                beans.getBean(IValidationSupport.class)));
        server.setPagingProvider(beans.getBean(DatabaseBackedPagingProvider.class));
        server.setDefaultResponseEncoding(EncodingEnum.JSON);
        server.registerInterceptor(new CorsInterceptor());
        server.registerInterceptor(requestLog());
        return server;
    }

    private static LoggingInterceptor requestLog() {
        LoggingInterceptor log = new LoggingInterceptor();
        log.setLoggerName("hapi.requests");
        log.setMessageFormat("${requestVerb} ${requestUrl} (${processingTimeMillis} ms)");
        log.setErrorMessageFormat("${requestVerb} ${requestUrl}: ${exceptionMessage}");
        return log;
    }

    private static void stop(Tomcat tomcat, AnnotationConfigApplicationContext beans) {
        try {
            tomcat.stop();
        } catch (Exception exception) {
            exception.printStackTrace();
        }
        beans.close();
    }
}
