package controlplane

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

const (
	informerResync  = 12 * time.Hour
	namespaceResync = 5 * time.Minute

	// collectorSync is how often the garbage collector looks for kinds that
	// were installed meanwhile. The controller manager takes 30 s; tests that
	// install a kind and delete an owner should not wait that long.
	collectorSync = 5 * time.Second
)

// controllers are those that custom resources rely on: garbage collection by
// owner references, the end of deleted namespaces, and default service accounts.
type controllers struct {
	shared   informers.SharedInformerFactory
	metadata metadatainformer.SharedInformerFactory
	started  chan struct{} // closed when the informers run
	loops    []func(context.Context)
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// startControllers runs each controller with the rights of its own service
// account. It returns when they know the namespaces and service accounts that
// exist; they run until they are stopped or ctx ends.
func startControllers(ctx context.Context, server endpoint) (_ *controllers, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	informerConfig := server.clientConfig(informer)
	client, err := kubernetes.NewForConfig(informerConfig)
	if err != nil {
		return nil, err
	}
	metadataClient, err := metadata.NewForConfig(informerConfig)
	if err != nil {
		return nil, err
	}
	c := &controllers{
		shared:   informers.NewSharedInformerFactory(client, informerResync),
		metadata: metadatainformer.NewSharedInformerFactory(metadataClient, informerResync),
		started:  make(chan struct{}),
		cancel:   cancel,
	}
	for _, add := range []func(context.Context, endpoint) error{
		c.addGarbageCollector, c.addNamespaceController, c.addServiceAccountController,
	} {
		if err := add(ctx, server); err != nil {
			return nil, err
		}
	}
	c.shared.Start(ctx.Done())
	c.metadata.Start(ctx.Done())
	close(c.started)
	for _, loop := range c.loops {
		c.running.Go(func() { loop(ctx) })
	}
	c.shared.WaitForCacheSync(ctx.Done())
	return c, nil
}

// stop returns when the controllers have ended.
func (c *controllers) stop() {
	c.cancel()
	c.running.Wait()
	c.shared.Shutdown()
	c.metadata.Shutdown()
}

func (c *controllers) addGarbageCollector(ctx context.Context, server endpoint) error {
	client, metadataClient, err := clients(withRate(server.clientConfig(garbageCollector), 200))
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, metadataClient, mapper,
		garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(c.shared, c.metadata), c.started)
	if err != nil {
		return fmt.Errorf("garbage collector: %w", err)
	}
	c.loops = append(c.loops,
		func(ctx context.Context) { collector.Run(ctx, 4, collectorSync) },
		func(ctx context.Context) { collector.Sync(ctx, client.Discovery(), collectorSync) })
	return nil
}

func (c *controllers) addNamespaceController(ctx context.Context, server endpoint) error {
	// It makes many calls for one namespace; the controller manager gives it
	// twenty times the default rate, too.
	client, metadataClient, err := clients(withRate(server.clientConfig(namespaceController), 400))
	if err != nil {
		return err
	}
	controller := namespace.NewNamespaceController(ctx, client, metadataClient,
		client.Discovery().ServerPreferredNamespacedResources,
		c.shared.Core().V1().Namespaces(), namespaceResync, corev1.FinalizerKubernetes)
	c.loops = append(c.loops, func(ctx context.Context) { controller.Run(ctx, 4) })
	return nil
}

func (c *controllers) addServiceAccountController(ctx context.Context, server endpoint) error {
	client, _, err := clients(server.clientConfig(serviceAccountController))
	if err != nil {
		return err
	}
	controller, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx),
		c.shared.Core().V1().ServiceAccounts(), c.shared.Core().V1().Namespaces(), client,
		serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return fmt.Errorf("service account controller: %w", err)
	}
	c.loops = append(c.loops, func(ctx context.Context) { controller.Run(ctx, 1) })
	return nil
}

func clients(config *rest.Config) (kubernetes.Interface, metadata.Interface, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	metadataClient, err := metadata.NewForConfig(config)
	return client, metadataClient, err
}

// withRate lets the client make so many requests a second.
func withRate(config *rest.Config, requests int) *rest.Config {
	config.QPS, config.Burst = float32(requests), 2*requests
	return config
}
