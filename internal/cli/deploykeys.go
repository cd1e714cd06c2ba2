package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/deploy"
)

func (a *App) keysCommand() *cobra.Command {
	var f deploymentFlags
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and delete access keys of a deployment",
		Long: `Make, list and delete the access keys with which clients of a deployment sign, as with
those of AWS. They are good for this deployment only, and AWS's are not good for it.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	f.add(cmd)
	cmd.AddCommand(a.keysCreateCommand(&f), a.keysListCommand(&f), a.keysDeleteCommand(&f))
	return cmd
}

func (a *App) keysCreateCommand(f *deploymentFlags) *cobra.Command {
	var role string
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an access key and show it, once",
		Long: `Make an access key and print it as commands for the shell, for eval or a file. The
secret is kept encrypted in the parameter store and is not shown again.

Roles: admin may everything; submit may submit, cancel and terminate jobs; read may look.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.createKey(cmd.Context(), *f, deploy.Role(role), form)
		},
	}
	cmd.Flags().StringVar(&role, "role", string(deploy.Admin), "what its holder may do: admin, submit or read")
	output.add(cmd, asText, asJSON)
	return cmd
}

func (a *App) createKey(ctx context.Context, f deploymentFlags, role deploy.Role, form string) error {
	account, err := a.account(ctx, f)
	if err != nil {
		return err
	}
	key, secret, err := account.CreateKey(ctx, f.name, role)
	if err != nil {
		return accountError(err)
	}
	if form == asJSON { // the members that `aws configure export-credentials` has
		return printJSON(a.Out, struct {
			Version                      int
			AccessKeyId, SecretAccessKey string
			Role                         deploy.Role
		}{1, key.ID, secret, role})
	}
	endpoint := ""
	if s, err := account.Status(ctx, f.name); err == nil { // the key is made whether or not
		endpoint = s.Endpoint()
	}
	fmt.Fprintf(a.Out, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_REGION=%s AWS_DEFAULT_REGION=%s\n", key.ID, secret, account.Region, account.Region)
	if endpoint != "" {
		fmt.Fprintf(a.Out, "export AWS_ENDPOINT_URL_BATCH=%s\n", endpoint)
		fmt.Fprintf(a.Out, "export AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=%s\n", endpoint)
	}
	fmt.Fprintf(a.Err, "The secret is not shown again. The role of the key is %s.\n", role)
	return nil
}

func (a *App) keysListCommand(f *deploymentFlags) *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the access keys, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			account, err := a.account(cmd.Context(), *f)
			if err != nil {
				return err
			}
			keys, err := account.Keys(cmd.Context(), f.name)
			if err != nil {
				return accountError(err)
			}
			switch form {
			case asJSON:
				return printJSON(a.Out, struct{ Keys []deploy.Key }{orEmpty(keys)})
			case asID:
				for _, k := range keys {
					fmt.Fprintln(a.Out, k.ID)
				}
				return nil
			}
			if len(keys) == 0 {
				fmt.Fprintln(a.Err, "No access keys. Make one with `packhorse keys create`.")
				return nil
			}
			g := &grid{columns: []column{{title: "ID"}, {title: "ROLE"}, {title: "CREATED"}}}
			for _, k := range keys {
				g.row(k.ID, string(k.Role), k.Created.In(a.Zone).Format(time.DateTime))
			}
			fmt.Fprint(a.Out, g.text(a.Out))
			return nil
		},
	}
	output.add(cmd, asTable, asJSON, asID)
	return cmd
}

func (a *App) keysDeleteCommand(f *deploymentFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete access keys",
		Long: `Delete access keys. A function may have read one a moment ago, so requests signed with
it are taken for up to a minute more.`,
		Args: argsBetween(1, -1, "the id of an access key"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			account, err := a.account(cmd.Context(), *f)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := account.DeleteKey(cmd.Context(), f.name, id); err != nil {
					return accountError(err)
				}
				fmt.Fprintf(a.Err, "%s is deleted\n", id)
			}
			return nil
		},
	}
}
