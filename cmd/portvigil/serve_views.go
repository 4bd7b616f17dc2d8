package main

import (
	"context"
	"net/netip"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/detect"
	"github.com/portvigil/portvigil/inside"
	"github.com/portvigil/portvigil/scan"
	"github.com/portvigil/portvigil/watch"
)

// localVantage is this server's own place to look from.
type localVantage struct {
	name  string
	reach portvigil.Reach // "": internal where the address it looks from is private
}

// Look scans one address and asks what is behind each open port.
func (v localVantage) Look(ctx context.Context, t watch.OutsideTarget, progress func(portvigil.LookProgress)) (*portvigil.Look, error) {
	ports := t.Ports
	if ports == nil {
		ports = portvigil.AllPorts()
	}
	reach := v.reach
	if reach == "" {
		reach = reachTo(t.Address)
	}
	l, err := scan.Connect(ctx, scan.Target{Host: t.Host.Name, Address: t.Address}, scan.Options{
		Ports: ports, First: t.First, References: t.References, Vantage: v.name, Reach: reach, Run: t.Run, Host: t.Host.Name,
		Progress: func(p scan.Progress) {
			progress(portvigil.LookProgress{Address: t.Address.String(), Share: p.Share, Rate: p.Rate, Open: p.Open})
		},
	})
	if err != nil {
		return nil, err
	}
	detect.Annotate(ctx, l, detect.Options{UserAgent: userAgent()})
	return l, nil
}

// Resolve returns the addresses that a target leads to.
func (v localVantage) Resolve(ctx context.Context, target string) ([]netip.Addr, error) {
	found, err := scan.Resolve(ctx, target)
	if err != nil {
		return nil, err
	}
	var list []netip.Addr
	for _, t := range found {
		list = append(list, t.Address)
	}
	return list, nil
}

// ParsePorts reads what scan takes as ports.
func (v localVantage) ParsePorts(spec string) (*portvigil.PortSet, error) {
	s, err := scan.ParsePorts(spec)
	if err != nil {
		return nil, err
	}
	return s.Looked()
}

// machineInside is the inside view of the machine that the server runs on.
type machineInside struct{}

// Look lists this machine's listeners.
func (machineInside) Look(ctx context.Context, h portvigil.Host, run string) (*portvigil.Look, error) {
	return inside.Take(ctx, inside.Options{Host: h.Name, Run: run})
}

func userAgent() string {
	return "PortVigil/" + version + " (port scan by this network's operator)"
}
