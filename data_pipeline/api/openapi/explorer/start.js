// Nothing is asked of anybody else: without validatorUrl: null a service that isn't on localhost would have its
// description checked by a site of Swagger's.
SwaggerUIBundle({
  url: new URL("openapi.json", window.location.href).href,
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
