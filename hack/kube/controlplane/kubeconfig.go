package controlplane

import (
	"net/url"
	"strconv"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfigName names cluster, user and context alike in the kubeconfigs.
const kubeconfigName = "roster"

// endpoint is how clients reach the API server.
type endpoint struct {
	url         string
	credentials *credentials
}

// writeKubeconfig writes a kubeconfig with which to act as who.
func (e endpoint) writeKubeconfig(path string, who identity) error {
	config := clientcmdapi.NewConfig()
	config.Clusters[kubeconfigName] = &clientcmdapi.Cluster{Server: e.url, CertificateAuthorityData: e.credentials.authority}
	config.AuthInfos[kubeconfigName] = &clientcmdapi.AuthInfo{Token: e.credentials.tokens[who.user]}
	config.Contexts[kubeconfigName] = &clientcmdapi.Context{
		Cluster: kubeconfigName, AuthInfo: kubeconfigName, Namespace: "default",
	}
	config.CurrentContext = kubeconfigName
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(path, content)
}

// clientConfig is for a client in this process that acts as who.
func (e endpoint) clientConfig(who identity) *rest.Config {
	return &rest.Config{
		Host:            e.url,
		BearerToken:     e.credentials.tokens[who.user],
		TLSClientConfig: rest.TLSClientConfig{CAData: e.credentials.authority},
		UserAgent:       who.user,
	}
}

// previousPort is the port that the kubeconfig at path names, 0 if there is none.
func previousPort(path string) int {
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return 0
	}
	cluster, ok := config.Clusters[kubeconfigName]
	if !ok {
		return 0
	}
	server, err := url.Parse(cluster.Server)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(server.Port())
	return port
}
